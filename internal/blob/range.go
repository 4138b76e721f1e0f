package blob

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Ranger is a store that reads parts of objects.
type Ranger interface {
	// Range reads up to size bytes of an object from an offset within it. Fewer mean that the object ends there.
	Range(ctx context.Context, key string, offset, size int64) ([]byte, error)
}

var (
	_ Ranger = (*bucket)(nil)
	_ Ranger = (*folder)(nil)
	_ Ranger = (*fleeting)(nil)
)

func (b *bucket) Range(ctx context.Context, key string, offset, size int64) ([]byte, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	out, err := b.api.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: aws.String(b.full(key)),
		Range: aws.String(fmt.Sprintf("bytes=%d-%d", offset, offset+size-1))})
	if err != nil {
		if _, status := answer(err); status == 416 {
			return nil, nil // the object ends at offset
		}
		return nil, remote("read", b.URL(key), b.name, err)
	}
	defer out.Body.Close()
	data, err := io.ReadAll(io.LimitReader(out.Body, size))
	return data, remote("read", b.URL(key), b.name, err)
}

func (f *folder) Range(_ context.Context, key string, offset, size int64) ([]byte, error) {
	path, err := f.path(key)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.URL(key), classify(err))
	}
	defer file.Close()
	data, err := io.ReadAll(io.NewSectionReader(file, offset, size))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.URL(key), classify(err))
	}
	return data, nil
}
