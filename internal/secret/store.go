package secret

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"weir/internal/fault"
)

// ErrMissing says that a store does not hold a secret; the next store is asked.
var ErrMissing = errors.New("no such secret")

// Store holds secrets by name. A secret is a text, or a JSON object whose fields are secrets of their own.
type Store interface {
	// Get gives a secret's text. An error that is ErrMissing means that the store does not have it.
	Get(ctx context.Context, name string) (string, error)
}

// FieldStore is a store that can hold a field of a secret by itself.
type FieldStore interface {
	Store
	Field(ctx context.Context, name, field string) (string, error)
}

// Environment reads WEIR_SECRET_NAME and WEIR_SECRET_NAME_FIELD, in upper case with every other character as _.
type Environment struct {
	Lookup func(name string) (string, bool) // nil: os.LookupEnv
}

var _ FieldStore = Environment{}

// Get reads WEIR_SECRET_NAME.
func (e Environment) Get(_ context.Context, name string) (string, error) {
	return e.read(Variable(name, ""))
}

// Field reads WEIR_SECRET_NAME_FIELD.
func (e Environment) Field(_ context.Context, name, field string) (string, error) {
	return e.read(Variable(name, field))
}

func (e Environment) read(variable string) (string, error) {
	lookup := e.Lookup
	if lookup == nil {
		lookup = os.LookupEnv
	}
	value, ok := lookup(variable)
	if !ok {
		return "", fmt.Errorf("environment variable %s: %w", variable, ErrMissing)
	}
	return value, nil
}

// Variable is the environment variable that holds a secret, or a field of it.
func Variable(name, field string) string {
	if field != "" {
		name += "_" + field
	}
	return "WEIR_SECRET_" + strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, name)
}

// Folder reads files named as the secret: JSON or plain text, whose last line break does not count. A file that everyone
// on the machine can read is refused.
type Folder struct {
	Path string
}

// maxSecret is the most bytes a secret may have, the limit of AWS Secrets Manager.
const maxSecret = 64 << 10

// Get reads a file.
func (f Folder) Get(_ context.Context, name string) (string, error) {
	if path.IsAbs(name) || !filepath.IsLocal(filepath.FromSlash(name)) {
		return "", fault.New(fault.Usage, "secret %q is not a name of a file in %s", name, f.Path)
	}
	file := filepath.Join(f.Path, filepath.FromSlash(name))
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && info.IsDir():
		return "", fmt.Errorf("file %s: %w", file, ErrMissing)
	case err != nil:
		return "", fault.New(fault.Usage, "read secret %q: %w", name, err)
	case info.Size() > maxSecret:
		return "", fault.New(fault.Usage, "read secret %q: %s has %d bytes, more than %d", name, file, info.Size(), maxSecret)
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o007 != 0:
		return "", fault.New(fault.Usage, "read secret %q: everyone on this machine may read %s", name, file).
			WithHint("chmod 600 %s", file)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fault.New(fault.Usage, "read secret %q: %w", name, err)
	}
	text := string(data)
	if json.Valid(data) && strings.HasPrefix(strings.TrimSpace(text), "{") {
		return text, nil
	}
	return strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r"), nil
}
