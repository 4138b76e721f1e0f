package project

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Size is a number of bytes, written as 512MB. KB, MB, GB and TB are powers of 1024, and may be written KiB, MiB, GiB, TiB.
type Size int64

var sizeForm = regexp.MustCompile(`(?i)^([0-9]+(?:\.[0-9]+)?)\s*(b|[kmgt]i?b?)?$`)

// ParseSize reads a size.
func ParseSize(text string) (Size, error) {
	m := sizeForm.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return 0, fmt.Errorf("%q is not a size", text)
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a size", text)
	}
	unit := strings.ToLower(m[2])
	if unit != "" && unit != "b" {
		n *= math.Pow(1024, float64(strings.IndexByte("kmgt", unit[0])+1))
	}
	if n >= math.MaxInt64 {
		return 0, fmt.Errorf("%q is too large", text)
	}
	if n != math.Trunc(n) && (unit == "" || unit == "b") {
		return 0, fmt.Errorf("%q is not a whole number of bytes", text)
	}
	return Size(n), nil
}

var days = regexp.MustCompile(`^([0-9]+)d`)

// ParseDuration reads 90s, 2h, 1h30m, 3d.
func ParseDuration(text string) (time.Duration, error) {
	text = strings.TrimSpace(text)
	var whole time.Duration
	rest := text
	if m := days.FindStringSubmatch(text); m != nil {
		n, err := strconv.ParseInt(m[1], 10, 32)
		if err != nil || n > 36500 {
			return 0, fmt.Errorf("%q is too long", text)
		}
		whole, rest = time.Duration(n)*24*time.Hour, text[len(m[0]):]
		if rest == "" {
			return whole, nil
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a duration", text)
	}
	return whole + d, nil
}
