package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"syscall"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"weir/internal/fault"
)

// classify gives an error of the file system its class.
func classify(err error) error {
	var classed *fault.Error
	switch {
	case err == nil, errors.As(err, &classed), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, fs.ErrNotExist):
		return fault.New(fault.Usage, "%w: %w", ErrNotExist, err)
	case errors.Is(err, fs.ErrExist):
		return fault.New(fault.Conflict, "%w: %w", ErrExists, err)
	case errors.Is(err, fs.ErrPermission):
		return fault.New(fault.Usage, "%w", err).WithHint("give the user that runs Weir the right to read and write there")
	case errors.Is(err, syscall.EROFS):
		return fault.New(fault.Usage, "%w", err).WithHint("the file system is mounted read-only")
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fault.New(fault.Unavailable, "disk full: %w", err).WithHint("free some space and run again")
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR), errors.Is(err, syscall.ENAMETOOLONG):
		return fault.New(fault.Usage, "%w", err)
	}
	return fault.New(fault.Unavailable, "%w", err)
}

// classifyS3 gives an answer of an S3 service its class.
func classifyS3(err error, bucket string) error {
	var classed *fault.Error
	if err == nil || errors.As(err, &classed) {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	code, status := answer(err)
	switch code {
	case "NoSuchBucket":
		return fault.New(fault.Usage, "bucket %s does not exist: %w", bucket, err).WithHint("make the bucket or correct its name")
	case "NoSuchKey", "NotFound":
		return fault.New(fault.Usage, "%w: %w", ErrNotExist, err)
	case "PreconditionFailed", "ConditionalRequestConflict":
		return fault.New(fault.Conflict, "%w: %w", ErrExists, err)
	case "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
		return fault.New(fault.Usage, "bucket %s lies in another region: %w", bucket, err).WithHint("set the region of the connection")
	}
	switch {
	case status == http.StatusNotFound:
		return fault.New(fault.Usage, "%w: %w", ErrNotExist, err)
	case status == http.StatusForbidden || status == http.StatusUnauthorized:
		return fault.New(fault.Usage, "access to bucket %s refused: %w", bucket, err).
			WithHint("check the access key, and that its policy allows s3:ListBucket, s3:GetObject, s3:PutObject and s3:DeleteObject there")
	case status == http.StatusBadRequest:
		return fault.New(fault.Usage, "%w", err)
	case noCredentials(err):
		return fault.New(fault.Usage, "no credentials for bucket %s: %w", bucket, err).
			WithHint("set access_key and secret_key, or AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	case isFileError(err):
		return classify(err)
	}
	return fault.New(fault.Unavailable, "%w", err)
}

// answer gives the service's error code and HTTP status, "" and 0 where there was no answer.
func answer(err error) (code string, status int) {
	var api smithy.APIError
	if errors.As(err, &api) {
		code = api.ErrorCode()
	}
	var resp *awshttp.ResponseError
	if errors.As(err, &resp) {
		status = resp.HTTPStatusCode()
	}
	return code, status
}

// noCredentials knows the SDK's errors of an empty credential chain, which have no type of their own.
func noCredentials(err error) bool {
	text := err.Error()
	return strings.Contains(text, "get identity: get credentials") || strings.Contains(text, "static credentials are empty")
}

func isFileError(err error) bool {
	var path *fs.PathError
	return errors.As(err, &path)
}

// remote words an error of a remote operation.
func remote(what, url, bucket string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", what, url, classifyS3(err, bucket))
}
