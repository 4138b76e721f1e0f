package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	tmtypes "github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"weir/internal/fault"
)

// bucket is a Store of S3 objects under a prefix.
type bucket struct {
	name, prefix string // prefix without slashes at its ends, may be ""
	api          *s3.Client
	transfer     *transfermanager.Client
}

// partSize of transfers in bytes, and how many parts travel at once: 4 x 8 MB bound the memory of one transfer.
const (
	partSize    = 8 << 20
	partsAtOnce = 4
)

func openBucket(ctx context.Context, name, prefix string, o S3) (Store, error) {
	cfg, err := awsConfig(ctx, o)
	if err != nil {
		return nil, fault.New(fault.Usage, "open s3://%s: %w", name, err)
	}
	api := s3.NewFromConfig(cfg, func(so *s3.Options) {
		if o.Endpoint == "" {
			return
		}
		so.BaseEndpoint = aws.String(o.Endpoint)
		so.UsePathStyle = true
		// Compatible services often know no trailing checksums.
		so.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		so.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	})
	transfer := transfermanager.New(api, func(to *transfermanager.Options) {
		to.PartSizeBytes, to.Concurrency = partSize, partsAtOnce
		to.GetObjectType = tmtypes.GetObjectRanges
		if o.Endpoint != "" {
			to.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
			to.DisableChecksumValidation = true
		}
	})
	return &bucket{name: name, prefix: prefix, api: api, transfer: transfer}, nil
}

func awsConfig(ctx context.Context, o S3) (aws.Config, error) {
	var opts []func(*config.LoadOptions) error
	if o.AccessKey != "" || o.SecretKey != "" {
		keys := credentials.NewStaticCredentialsProvider(o.AccessKey, o.SecretKey, "")
		opts = append(opts, config.WithCredentialsProvider(keys))
	}
	if o.Region != "" {
		opts = append(opts, config.WithRegion(o.Region))
	}
	cfg, err := config.LoadDefaultConfig(ctx, opts...)
	if err == nil && cfg.Region == "" {
		cfg.Region = "us-east-1"
	}
	return cfg, err
}

// full is a key's name in the bucket.
func (b *bucket) full(key string) string {
	if b.prefix == "" {
		return key
	}
	return b.prefix + "/" + key
}

func (b *bucket) URL(key string) string { return "s3://" + b.name + "/" + b.full(key) }

func (b *bucket) LocalPath(string) (string, bool) { return "", false }

// Sync has nothing to do: an object that S3 has acknowledged is durable.
func (b *bucket) Sync(context.Context, []string) error { return nil }

func (b *bucket) Put(ctx context.Context, key string, data []byte) error {
	return b.put(ctx, key, data, nil)
}

func (b *bucket) PutNew(ctx context.Context, key string, data []byte) error {
	return b.put(ctx, key, data, aws.String("*"))
}

func (b *bucket) put(ctx context.Context, key string, data []byte, ifNoneMatch *string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	_, err := b.api.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.name, Key: aws.String(b.full(key)), Body: bytes.NewReader(data), IfNoneMatch: ifNoneMatch,
	})
	return remote("write", b.URL(key), b.name, err)
}

func (b *bucket) PutFile(ctx context.Context, key, localPath string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	f, err := os.Open(localPath)
	if err != nil {
		return fmt.Errorf("write %s: %w", b.URL(key), classify(err))
	}
	defer f.Close()
	_, err = b.transfer.UploadObject(ctx, &transfermanager.UploadObjectInput{Bucket: &b.name, Key: aws.String(b.full(key)), Body: f})
	return remote("write", b.URL(key), b.name, err)
}

func (b *bucket) Get(ctx context.Context, key string) ([]byte, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	out, err := b.api.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: aws.String(b.full(key))})
	if err != nil {
		return nil, remote("read", b.URL(key), b.name, err)
	}
	defer out.Body.Close()
	data, err := io.ReadAll(out.Body)
	return data, remote("read", b.URL(key), b.name, err)
}

func (b *bucket) Fetch(ctx context.Context, key, localPath string) error {
	o, err := b.Stat(ctx, key)
	if err != nil {
		return err
	}
	err = putFile(localPath, func(w *os.File) error {
		if o.Size == 0 {
			return nil // a range of nothing is refused
		}
		// IfMatch on every part: an object replaced half way is an error, not a mixture.
		_, err := b.transfer.DownloadObject(ctx, &transfermanager.DownloadObjectInput{
			Bucket: &b.name, Key: aws.String(b.full(key)), WriterAt: w, IfMatch: aws.String(`"` + o.ETag + `"`),
		})
		return err
	}, os.Rename)
	if code, _ := answer(err); code == "PreconditionFailed" {
		err = fault.New(fault.Unavailable, "the object changed while it was read: %w", err)
	}
	return remote("fetch", b.URL(key), b.name, err)
}

func (b *bucket) List(ctx context.Context, prefix string) ([]Object, error) {
	var found []Object
	full := b.full(prefix)
	pages := s3.NewListObjectsV2Paginator(b.api, &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &full})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, remote("list", b.URL(prefix), b.name, err)
		}
		for _, o := range page.Contents {
			key := strings.TrimPrefix(aws.ToString(o.Key), b.full(""))
			if checkKey(key) != nil {
				continue // folder markers "a/" and names no Weir writes
			}
			found = append(found, Object{Key: key, Size: aws.ToInt64(o.Size), ETag: unquote(o.ETag), Modified: aws.ToTime(o.LastModified)})
		}
	}
	sort.Slice(found, func(i, j int) bool { return found[i].Key < found[j].Key })
	return found, nil
}

func unquote(etag *string) string { return strings.Trim(aws.ToString(etag), `"`) }

// Stat asks for the object's head. Its 404 has no body, so a missing bucket is told from a missing object by a second question.
func (b *bucket) Stat(ctx context.Context, key string) (Object, error) {
	if err := checkKey(key); err != nil {
		return Object{}, err
	}
	out, err := b.api.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: aws.String(b.full(key))})
	if err == nil {
		return Object{Key: key, Size: aws.ToInt64(out.ContentLength), ETag: unquote(out.ETag), Modified: aws.ToTime(out.LastModified)}, nil
	}
	err = remote("look at", b.URL(key), b.name, err)
	if !errors.Is(err, ErrNotExist) {
		return Object{}, err
	}
	if _, berr := b.api.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &b.name}); berr != nil {
		if _, status := answer(berr); status == 404 {
			return Object{}, fault.New(fault.Usage, "look at %s: bucket %s does not exist", b.URL(key), b.name).
				WithHint("make the bucket or correct its name")
		}
	}
	return Object{}, err
}

func (b *bucket) Delete(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	_, err := b.api.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: aws.String(b.full(key))})
	if err = remote("delete", b.URL(key), b.name, err); errors.Is(err, ErrNotExist) {
		return nil
	}
	return err
}

var (
	_ Store = (*bucket)(nil)
	_ Store = (*folder)(nil)
)
