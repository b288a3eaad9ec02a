// Package aws calls functions of AWS Lambda.
package aws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	service "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lambda"
)

// Function is a function of AWS Lambda, by its name or ARN. Region, credentials
// and endpoint come from where AWS's own tools take them.
type Function struct {
	name   string
	client *service.Client
}

// New prepares calls of the function; it calls nothing.
func New(ctx context.Context, name string) (*Function, error) {
	c, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: the configuration of AWS: %w", job.ErrInvalid, err)
	}
	return &Function{name, service.NewFromConfig(c)}, nil
}

// Invoke implements lambda.Invoker.
func (f *Function) Invoke(ctx context.Context, event json.RawMessage) (json.RawMessage, error) {
	out, err := f.client.Invoke(ctx, &service.InvokeInput{FunctionName: &f.name, Payload: event, InvocationType: types.InvocationTypeRequestResponse})
	if err != nil {
		return nil, fmt.Errorf("%w: call function %s: %w", classOf(err), f.name, err)
	}
	if out.FunctionError == nil {
		return out.Payload, nil
	}
	failure := lambda.Failure{Type: aws.ToString(out.FunctionError)}
	if err := json.Unmarshal(out.Payload, &failure); err != nil {
		failure.Message = string(out.Payload)
	}
	return nil, failure
}

// classOf says whether another try may help.
func classOf(err error) error {
	var missing *types.ResourceNotFoundException
	var malformed *types.InvalidRequestContentException
	var parameter *types.InvalidParameterValueException
	var large *types.RequestTooLargeException
	if errors.As(err, &missing) || errors.As(err, &malformed) || errors.As(err, &parameter) || errors.As(err, &large) {
		return job.ErrInvalid
	}
	return job.ErrUnavailable
}
