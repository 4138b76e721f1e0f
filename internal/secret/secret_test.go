package secret

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"weir/internal/fault"
	"weir/test/env"
)

func environment(values map[string]string) Environment {
	return Environment{Lookup: func(name string) (string, bool) { v, ok := values[name]; return v, ok }}
}

func folder(t *testing.T, files map[string]string) Folder {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Folder{Path: dir}
}

func TestResolve(t *testing.T) {
	vars := environment(map[string]string{
		"WEIR_SECRET_SHOP_DB_PASSWORD": "from-field", "WEIR_SECRET_SHOP_DB": `{"user":"ada","password":"from-json"}`, "WEIR_SECRET_BLANK": ""})
	files := folder(t, map[string]string{"api": "token-1\n", "bi": `{"user": "bob", "port": 5439, "tls": true, "none": null, "nested": {"a": 1}}`, "team/api": "token-2\r\n"})
	r := NewResolver(&Redactor{}, vars, files)
	for _, c := range []struct{ text, want, fails string }{
		{text: "plain ${NAME} $x", want: "plain ${NAME} $x"},
		{text: "${secret:shop-db#password}", want: "from-field"},
		{text: "${secret:shop-db#user}", want: "ada"},
		{text: "${secret:api}", want: "token-1"},
		{text: "${secret:team/api}", want: "token-2"},
		{text: "${secret:blank}", want: ""},
		{text: "p://${secret:bi#user}:${secret:api}@h:${secret:bi#port}/${secret:bi#tls}", want: "p://bob:token-1@h:5439/true"},
		{text: "${secret:nope#x}", fails: `secret "nope" is not set`},
		{text: "${secret:bi#nope}", fails: `secret "bi" has no field "nope"`},
		{text: "${secret:bi#none}", fails: `is not a text`},
		{text: "${secret:bi#nested}", fails: `is not a text`},
		{text: "${secret:api#x}", fails: `not a JSON object`},
		{text: "${secret:../api}", fails: `not a name of a file`},
		{text: "${secret:/etc/passwd}", fails: `not a name of a file`},
		{text: "${secret:}", fails: `is not a name`},
		{text: "${secret:a b}", fails: `is not a name`},
	} {
		got, err := r.Resolve(t.Context(), c.text)
		if c.fails != "" {
			if err == nil || !strings.Contains(err.Error(), c.fails) || fault.ClassOf(err) != fault.Usage {
				t.Errorf("%s: %v of class %q, want %s", c.text, err, fault.ClassOf(err), c.fails)
			}
			continue
		}
		if err != nil || got != c.want {
			t.Errorf("%s is %q, %v; want %q", c.text, got, err, c.want)
		}
	}
}

func TestMissingSecretTellsWhereToPutIt(t *testing.T) {
	dir := t.TempDir()
	r := NewResolver(nil, Settings{}.Stores(dir, nil)...)
	_, err := r.Resolve(t.Context(), "${secret:shop#password}")
	want := "set WEIR_SECRET_SHOP_PASSWORD, or write the file " + filepath.Join(dir, ".secrets", "shop")
	if fault.HintOf(err) != want {
		t.Errorf("hint is %q, want %q", fault.HintOf(err), want)
	}
	var none *Resolver
	if _, err := none.Resolve(t.Context(), "${secret:x}"); fault.ClassOf(err) != fault.Usage {
		t.Errorf("no resolver: %v", err)
	}
}

func TestFileOfEveryoneIsRefused(t *testing.T) {
	f := folder(t, map[string]string{"shop": "hush-hush"})
	if err := os.Chmod(filepath.Join(f.Path, "shop"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := NewResolver(nil, f).Resolve(t.Context(), "${secret:shop}")
	if fault.ClassOf(err) != fault.Usage || !strings.Contains(fault.HintOf(err), "chmod 600") || strings.Contains(err.Error(), "hush") {
		t.Errorf("%v, hint %q", err, fault.HintOf(err))
	}
}

// A secret is asked for once, and a store that fails is not passed over: its answer might have been another one.
func TestStoreThatFailsStopsTheSearch(t *testing.T) {
	down := &failing{err: fault.New(fault.Unavailable, "no answer")}
	r := NewResolver(nil, down, environment(map[string]string{"WEIR_SECRET_X": "1"}))
	if _, err := r.Resolve(t.Context(), "${secret:x}"); fault.ClassOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
	down.err = nil
	for range 3 {
		if got, err := r.Resolve(t.Context(), "${secret:x}"); err != nil || got != "late" {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if down.asked != 2 {
		t.Errorf("asked %d times, want 2: a failure is not kept, a value is", down.asked)
	}
}

type failing struct {
	err   error
	asked int
}

func (f *failing) Get(context.Context, string) (string, error) {
	f.asked++
	return "late", f.err
}

func TestAWS(t *testing.T) {
	endpoint := env.S3(t) // the service answers for Secrets Manager, too
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	c, err := config.LoadDefaultConfig(t.Context(), config.WithRegion("eu-west-2"))
	if err != nil {
		t.Fatal(err)
	}
	client := secretsmanager.NewFromConfig(c, func(o *secretsmanager.Options) { o.BaseEndpoint = &endpoint })
	name, text := "weir/"+strings.ReplaceAll(t.TempDir(), "/", "-"), `{"user":"ada","password":"s3cr3t!"}`
	if _, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: &text}); err != nil {
		t.Fatal(err)
	}
	binary := name + "-binary"
	if _, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &binary, SecretBinary: []byte("raw")}); err != nil {
		t.Fatal(err)
	}

	red := &Redactor{}
	r := NewResolver(red, Settings{Type: "aws", Region: "eu-west-2", Endpoint: endpoint}.Stores(t.TempDir(), nil)...)
	got, err := r.Resolve(t.Context(), "${secret:"+name+"#user}/${secret:"+name+"#password}/${secret:"+binary+"}")
	if err != nil || got != "ada/s3cr3t!/raw" {
		t.Fatalf("got %q, %v", got, err)
	}
	if got := red.Redact("password s3cr3t! given"); got != "password *** given" {
		t.Errorf("redacted to %q", got)
	}
	_, err = r.Resolve(t.Context(), "${secret:weir/none}")
	if fault.ClassOf(err) != fault.Usage || !strings.Contains(err.Error(), `"weir/none" is not set`) {
		t.Errorf("missing: %v", err)
	}

	gone := NewResolver(nil, &AWS{Region: "eu-west-2", Endpoint: "http://127.0.0.1:1"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := gone.Resolve(ctx, "${secret:x}"); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if _, err := gone.Resolve(t.Context(), "${secret:x}"); fault.ClassOf(err) != fault.Unavailable {
		t.Errorf("no service: %v", err)
	}
}
