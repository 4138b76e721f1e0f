// Package secret turns ${secret:name#field} into values as late as possible, and keeps those values out of everything a
// person or a file gets to see (promise 9).
package secret

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"weir/internal/fault"
)

// Settings say where secrets are kept. Environment variables WEIR_SECRET_NAME_FIELD are always asked first.
type Settings struct {
	Type     string `yaml:"type" enum:"env|file|aws" default:"file" doc:"where secrets are kept: env asks only environment variables WEIR_SECRET_NAME[_FIELD]; file and aws ask these first"`
	Folder   string `yaml:"folder" default:".secrets" doc:"of type file: folder with one file a secret, JSON or plain text, readable by its owner only"`
	Region   string `yaml:"region" doc:"of type aws: region; empty for the environment's"`
	Endpoint string `yaml:"endpoint" doc:"of type aws: URL of a service compatible with AWS Secrets Manager; empty for AWS"`
}

// Stores lists the stores that settings ask for, in the order they are asked. root is the project's folder, lookup finds
// environment variables; nil is the process's own.
func (s Settings) Stores(root string, lookup func(name string) (string, bool)) []Store {
	stores := []Store{Environment{Lookup: lookup}}
	switch s.Type {
	case "aws":
		stores = append(stores, &AWS{Region: s.Region, Endpoint: s.Endpoint})
	case "env":
	default:
		folder := s.Folder
		if folder == "" {
			folder = ".secrets"
		}
		if !filepath.IsAbs(folder) {
			folder = filepath.Join(root, folder)
		}
		stores = append(stores, Folder{Path: folder})
	}
	return stores
}

// Resolver replaces references in texts by the values they stand for. A nil Resolver knows no secret. It is safe for
// concurrent use.
type Resolver struct {
	stores   []Store
	redactor *Redactor
	mu       sync.Mutex
	known    map[string]string // by name#field, for the life of the process
}

// NewResolver makes a resolver over stores, asked in order. Values it gives out are remembered by the redactor.
func NewResolver(r *Redactor, stores ...Store) *Resolver {
	return &Resolver{stores: stores, redactor: r, known: map[string]string{}}
}

var (
	reference = regexp.MustCompile(`\$\{secret:([^{}]*)\}`)
	nameForm  = regexp.MustCompile(`^[A-Za-z0-9_+=.@/:-]+$`)
)

// HasReference says whether a text holds a reference.
func HasReference(text string) bool { return reference.MatchString(text) }

// Resolve replaces every reference in a text. A secret that no store has is fault.Usage and named; values never appear in
// errors.
func (r *Resolver) Resolve(ctx context.Context, text string) (string, error) {
	var failed error
	out := reference.ReplaceAllStringFunc(text, func(match string) string {
		if failed != nil {
			return ""
		}
		name, field, _ := strings.Cut(reference.FindStringSubmatch(match)[1], "#")
		var value string
		value, failed = r.value(ctx, strings.TrimSpace(name), strings.TrimSpace(field))
		return value
	})
	if failed != nil {
		return "", failed
	}
	return out, nil
}

func (r *Resolver) value(ctx context.Context, name, field string) (string, error) {
	if !nameForm.MatchString(name) {
		return "", fault.New(fault.Usage, "secret %q is not a name", name).WithHint("write ${secret:name#field}")
	}
	if r == nil {
		return "", fault.New(fault.Usage, "secret %q is not set: there is no store", name)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	id := name + "#" + field
	if v, ok := r.known[id]; ok {
		return v, nil
	}
	v, err := r.find(ctx, name, field)
	if err != nil {
		return "", err
	}
	r.known[id] = v
	r.redactor.Remember(v)
	return v, nil
}

// find asks the stores in order. The first that has the secret decides, even where it lacks the field.
func (r *Resolver) find(ctx context.Context, name, field string) (string, error) {
	for _, s := range r.stores {
		if fs, ok := s.(FieldStore); ok && field != "" {
			v, err := fs.Field(ctx, name, field)
			if !errors.Is(err, ErrMissing) {
				return v, err
			}
		}
		text, err := s.Get(ctx, name)
		if errors.Is(err, ErrMissing) {
			continue
		}
		if err != nil || field == "" {
			return text, err
		}
		return pick(text, name, field)
	}
	return "", fault.New(fault.Usage, "secret %q is not set", name).WithHint("%s", r.remedy(name, field))
}

// pick takes one field of a secret that is a JSON object. Its errors leave the text out.
func pick(text, name, field string) (string, error) {
	var fields map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &fields) != nil {
		return "", fault.New(fault.Usage, "secret %q has no field %q: it is not a JSON object", name, field).
			WithHint("write ${secret:%s} for the whole text", name)
	}
	raw, ok := fields[field]
	if !ok {
		return "", fault.New(fault.Usage, "secret %q has no field %q", name, field)
	}
	var s string
	if json.Unmarshal(raw, &s) == nil && raw[0] == '"' {
		return s, nil
	}
	switch raw[0] {
	case '{', '[', 'n':
		return "", fault.New(fault.Usage, "field %q of secret %q is not a text", field, name)
	}
	return string(raw), nil
}

func (r *Resolver) remedy(name, field string) string {
	ways := []string{}
	for _, s := range r.stores {
		switch s := s.(type) {
		case Environment:
			ways = append(ways, "set "+Variable(name, field))
		case Folder:
			ways = append(ways, fmt.Sprintf("write the file %s", filepath.Join(s.Path, name)))
		case *AWS:
			ways = append(ways, "make it in AWS Secrets Manager")
		}
	}
	return strings.Join(ways, ", or ")
}
