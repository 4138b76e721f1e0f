// Package files reads CSV, JSON and Parquet files of a folder or an S3 bucket. The engine reads them itself, at its own
// speed, through the SQL this package writes; only records that do not fit are looked at one by one.
package files

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"weir/internal/blob"
	"weir/internal/fault"
	"weir/internal/source"
)

// Kind is how a files connection and the tables that read it are written.
func Kind() source.Kind {
	return source.Kind{
		Config: func() source.Config { return &Config{} },
		Reader: func() source.Reader { return &Reader{} },
	}
}

// Config is a files connection.
type Config struct {
	Path      string `yaml:"path" doc:"folder, relative to the project, or s3://bucket/prefix"`
	Endpoint  string `yaml:"endpoint" doc:"URL of an S3-compatible store; empty for AWS"`
	Region    string `yaml:"region" doc:"AWS region"`
	AccessKey string `yaml:"access_key" doc:"access key id; empty for the default credential chain"`
	SecretKey string `yaml:"secret_key" doc:"secret access key, best as ${secret:name#field}"`
}

// Findings checks the settings.
func (c *Config) Findings() []source.Finding {
	var f []source.Finding
	if c.Path == "" {
		f = append(f, source.Finding{Key: "path", Message: "a files connection needs a path: a folder or s3://bucket/prefix"})
	}
	if !c.remote() && (c.Endpoint != "" || c.Region != "" || c.AccessKey != "" || c.SecretKey != "") {
		f = append(f, source.Finding{Message: "endpoint, region and keys go with a path that starts with s3://"})
	}
	if (c.AccessKey == "") != (c.SecretKey == "") {
		f = append(f, source.Finding{Message: "access_key and secret_key go together"})
	}
	return f
}

func (c *Config) remote() bool { return strings.HasPrefix(c.Path, "s3://") }

// Open resolves the settings' secrets. It looks at nothing yet.
func (c *Config) Open(ctx context.Context, env source.Env) (source.Opened, error) {
	r := resolver{ctx: ctx, env: env}
	path := r.text(c.Path)
	s3 := blob.S3{Endpoint: r.text(c.Endpoint), Region: r.text(c.Region), AccessKey: r.text(c.AccessKey), SecretKey: r.text(c.SecretKey)}
	if r.err != nil {
		return nil, r.err
	}
	o := &opened{env: env, shown: c.Path, remote: strings.HasPrefix(path, "s3://")}
	if !o.remote {
		path = strings.TrimPrefix(path, "file://")
		if !filepath.IsAbs(path) {
			path = filepath.Join(env.Root, path)
		}
		path = filepath.Clean(path)
	}
	o.root = strings.TrimRight(path, "/")
	store, err := blob.Open(ctx, path, s3)
	if err != nil {
		return nil, fmt.Errorf("open files: %w", err)
	}
	o.store = store
	return o, nil
}

// resolver resolves texts until one fails.
type resolver struct {
	ctx context.Context
	env source.Env
	err error
}

func (r *resolver) text(s string) string {
	if r.err != nil || s == "" || r.env.Resolve == nil {
		return s
	}
	s, r.err = r.env.Resolve(r.ctx, s)
	return s
}

// opened is a connection: a store of files.
type opened struct {
	env    source.Env
	shown  string // the path as written, for messages
	root   string // absolute folder, or s3://bucket/prefix
	remote bool
	store  blob.Store
}

func (o *opened) Dataset(reader source.Reader) (source.Source, error) {
	r, ok := reader.(*Reader)
	if !ok {
		return nil, fault.New(fault.Internal, "a files connection got options of another kind: %T", reader)
	}
	return &files{opened: o, reader: r}, nil
}

// Check lists the connection's folder.
func (o *opened) Check(ctx context.Context) error {
	if _, err := o.store.List(ctx, ""); err != nil {
		return fmt.Errorf("check files: %w", err)
	}
	return nil
}

func (o *opened) Close() error { return nil }

// server names what positions belong to (promise 7): the bucket and prefix, or the folder as the project writes it, so
// that a project that moves with its files keeps its positions.
func (o *opened) server() string {
	if o.remote {
		return o.root
	}
	rel, err := filepath.Rel(o.env.Root, o.root)
	if err != nil || strings.HasPrefix(rel, "..") {
		return "folder:" + o.root
	}
	return "folder:" + filepath.ToSlash(rel)
}
