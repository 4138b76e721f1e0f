package secret

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"

	"weir/internal/fault"
)

// AWS reads AWS Secrets Manager with the default credential chain. It opens nothing before the first secret is asked for.
type AWS struct {
	Region   string // empty: the environment's
	Endpoint string // empty: AWS itself

	mu     sync.Mutex
	client *secretsmanager.Client
}

var _ Store = (*AWS)(nil)

// Get reads a secret's current version, text or binary.
func (a *AWS) Get(ctx context.Context, name string) (string, error) {
	client, err := a.open(ctx)
	if err != nil {
		return "", fault.New(fault.Usage, "read secret %q: open AWS Secrets Manager: %w", name, err)
	}
	out, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &name})
	if err != nil {
		return "", awsError(ctx, name, err)
	}
	if out.SecretString != nil {
		return *out.SecretString, nil
	}
	return string(out.SecretBinary), nil
}

func (a *AWS) open(ctx context.Context) (*secretsmanager.Client, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.client != nil {
		return a.client, nil
	}
	var options []func(*config.LoadOptions) error
	if a.Region != "" {
		options = append(options, config.WithRegion(a.Region))
	}
	c, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, err
	}
	if c.Region == "" {
		return nil, errors.New("no region; set secrets: { region: … } or AWS_REGION")
	}
	a.client = secretsmanager.NewFromConfig(c, func(o *secretsmanager.Options) {
		if a.Endpoint != "" {
			o.BaseEndpoint = &a.Endpoint
		}
	})
	return a.client, nil
}

func awsError(ctx context.Context, name string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("read secret %q: %w", name, ctx.Err())
	}
	var missing *types.ResourceNotFoundException
	if errors.As(err, &missing) {
		return fmt.Errorf("AWS Secrets Manager: %w", ErrMissing)
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode() {
		case "AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException",
			"InvalidRequestException", "InvalidParameterException", "ValidationException", "DecryptionFailure":
			return fault.New(fault.Usage, "read secret %q: %w", name, err)
		}
	}
	return fault.New(fault.Unavailable, "read secret %q: %w", name, err)
}
