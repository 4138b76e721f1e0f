// Package env finds the services that tests need: those that test/services started, or ones of the test's own.
package env

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"
)

// Variables that test/services sets.
const (
	varS3     = "WEIR_TEST_S3"
	varPython = "WEIR_TEST_PYTHON"
)

// S3 gives the URL of an S3-compatible store: WEIR_TEST_S3, else a moto_server that ends with the test. Any access key is
// taken. Buckets are shared between tests: make one of your own, with a fresh name. Without either the test is skipped,
// or fails where CI=true.
func S3(t testing.TB) string {
	t.Helper()
	if url := os.Getenv(varS3); url != "" {
		return url
	}
	path, err := exec.LookPath("moto_server")
	if err != nil {
		missing(t, "an S3-compatible store: %s is not set and moto_server is not installed", varS3)
	}
	return startMoto(t, path)
}

// Python gives an interpreter that has PyIceberg and pyarrow: WEIR_TEST_PYTHON, else python3 where it has them. Without
// either the test is skipped, or fails where CI=true.
func Python(t testing.TB) string {
	t.Helper()
	if path := os.Getenv(varPython); path != "" {
		return path
	}
	path, err := exec.LookPath("python3")
	if err == nil {
		err = exec.Command(path, "-c", "import pyiceberg, pyarrow").Run()
	}
	if err != nil {
		missing(t, "PyIceberg: %s is not set and python3 does not have it", varPython)
	}
	return path
}

func missing(t testing.TB, format string, args ...any) {
	t.Helper()
	text := "this test needs " + fmt.Sprintf(format, args...) + `; make test brings it, or: eval "$(test/services)"`
	if os.Getenv("CI") == "true" {
		t.Fatal(text)
	}
	t.Skip(text)
}

func startMoto(t testing.TB, path string) string {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatalf("find a free port: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, path, "-H", "127.0.0.1", "-p", fmt.Sprint(port))
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatalf("start moto_server: %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { cancel(); <-ended })
	url := fmt.Sprintf("http://127.0.0.1:%d", port)
	for {
		if answers(url + "/moto-api/") {
			return url
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("moto_server ended: %v", err)
		case <-t.Context().Done():
			t.Fatal("moto_server does not answer")
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func answers(url string) bool {
	client := http.Client{Timeout: 2 * time.Second}
	resp, err := client.Get(url)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err == nil && resp.StatusCode == http.StatusOK
}
