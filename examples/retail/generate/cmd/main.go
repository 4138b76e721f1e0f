// Writes the inbox of the retail example: go run ./examples/retail/generate/cmd DIR --days 1-4
package main

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"

	"weir/examples/retail/generate"
)

const usage = "usage: generate [--days 1-5] [--scale 1] DIR"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("generate", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprintln(flags.Output(), usage); flags.PrintDefaults() }
	days := flags.String("days", fmt.Sprintf("1-%d", generate.Last), "days to write, such as 1-4 or 5")
	scale := flags.Int("scale", 1, "1 is about 5,000 orders, 3,000 receipts and 20,000 clicks a day")
	// Flags may stand before and after the folder.
	var dirs []string
	for {
		if err := flags.Parse(args); err != nil {
			return err
		}
		if flags.NArg() == 0 {
			break
		}
		dirs, args = append(dirs, flags.Arg(0)), flags.Args()[1:]
	}
	if len(dirs) != 1 {
		return fmt.Errorf("%s", usage)
	}
	from, to, err := parseDays(*days)
	if err != nil {
		return err
	}
	return generate.Days(dirs[0], from, to, *scale)
}

func parseDays(text string) (from, to int, err error) {
	first, last, ranged := strings.Cut(text, "-")
	if !ranged {
		last = first
	}
	if from, err = strconv.Atoi(first); err == nil {
		to, err = strconv.Atoi(last)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("--days %q: write it like 1-4 or 5", text)
	}
	return from, to, nil
}
