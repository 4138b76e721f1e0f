package blobtest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/uuid"

	"weir/internal/blob"
)

// Bucket makes a fresh bucket on the S3 service of the tests: the one WEIR_TEST_S3 names, else a moto_server of its own.
// Without either the test is skipped, or fails where CI=true.
func Bucket(t *testing.T) (location string, s blob.S3) {
	t.Helper()
	s = blob.S3{Endpoint: service(t), Region: "us-east-1", AccessKey: "test", SecretKey: "test"}
	name := "weir-" + uuid.NewString()
	api := s3.New(s3.Options{
		BaseEndpoint: aws.String(s.Endpoint), UsePathStyle: true, Region: s.Region,
		Credentials: credentials.NewStaticCredentialsProvider(s.AccessKey, s.SecretKey, ""),
	})
	if _, err := api.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatalf("make bucket: %v", err)
	}
	return "s3://" + name, s
}

func service(t *testing.T) string {
	t.Helper()
	if url := os.Getenv("WEIR_TEST_S3"); url != "" {
		return url
	}
	path, err := exec.LookPath("moto_server")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("no S3 service: set WEIR_TEST_S3, or install moto_server (pip install 'moto[server]')")
		}
		t.Skip("no S3 service: WEIR_TEST_S3 is not set and moto_server is not installed")
	}
	return start(t, path)
}

func start(t *testing.T, path string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, path, "-H", "127.0.0.1", "-p", fmt.Sprint(port))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); cmd.Wait() })
	url := fmt.Sprintf("http://127.0.0.1:%d", port)
	for range 600 {
		if resp, err := http.Get(url); err == nil {
			resp.Body.Close()
			return url
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("moto_server does not answer")
	return ""
}
