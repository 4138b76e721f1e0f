package mysql

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/rds/auth"

	"weir/internal/fault"
	"weir/internal/mysql/wire"
)

// Server is a server that can be dialled.
type Server struct {
	config      wire.Config
	iam         bool
	region      string
	connections int
	patience    time.Duration
}

// Connections is how many connections may be held at once.
func (s *Server) Connections() int { return s.connections }

// LockTimeout is how long to wait for a lock that another session holds.
func (s *Server) LockTimeout() time.Duration { return s.patience }

// Database is the one that names without a database are in, "" where the connection has none.
func (s *Server) Database() string { return s.config.Database }

// Address is host:port, for messages.
func (s *Server) Address() string { return s.config.Address }

// Dial opens a connection.
func (s *Server) Dial(ctx context.Context) (*wire.Conn, error) { return s.DialLimit(ctx, 0) }

// DialLoad opens a connection that may load rows: see wire.Config.
func (s *Server) DialLoad(ctx context.Context) (*wire.Conn, error) {
	c := s.config
	c.Loads = true
	return s.dial(ctx, c)
}

// DialLimit opens a connection whose rows may have so many bytes.
func (s *Server) DialLimit(ctx context.Context, limit int) (*wire.Conn, error) {
	c := s.config
	c.Limit = limit
	return s.dial(ctx, c)
}

func (s *Server) dial(ctx context.Context, c wire.Config) (*wire.Conn, error) {
	if s.iam {
		token, err := s.token(ctx)
		if err != nil {
			return nil, err
		}
		c.Password = token
	}
	return wire.Dial(ctx, c)
}

// token asks AWS for what stands in the place of a password for 15 minutes.
func (s *Server) token(ctx context.Context) (string, error) {
	var options []func(*config.LoadOptions) error
	if s.region != "" {
		options = append(options, config.WithRegion(s.region))
	}
	aws, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return "", fault.New(fault.Usage, "auth: iam: load the AWS configuration: %w", err)
	}
	if aws.Region == "" {
		return "", fault.New(fault.Usage, "auth: iam: no region").WithHint("write region: beside auth: iam, or set AWS_REGION")
	}
	token, err := auth.BuildAuthToken(ctx, s.config.Address, aws.Region, s.config.User, aws.Credentials)
	if err != nil {
		return "", fault.New(fault.Unavailable, "auth: iam: make a token: %w", err)
	}
	return token, nil
}
