// Package aws calls functions of AWS Lambda.
package aws

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

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

var _ lambda.Biller = (*Function)(nil)

// New prepares calls of the function; it calls nothing.
func New(ctx context.Context, name string) (*Function, error) {
	c, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: the configuration of AWS: %w", job.ErrInvalid, err)
	}
	return &Function{name, service.NewFromConfig(c)}, nil
}

var _ lambda.Sender = (*Function)(nil)

// Send implements lambda.Sender.
func (f *Function) Send(ctx context.Context, event json.RawMessage) error {
	_, err := f.client.Invoke(ctx, &service.InvokeInput{FunctionName: &f.name, Payload: event, InvocationType: types.InvocationTypeEvent})
	if err != nil {
		return fmt.Errorf("%w: leave an event for function %s: %w", classOf(err), f.name, err)
	}
	return nil
}

// Invoke implements lambda.Invoker.
func (f *Function) Invoke(ctx context.Context, event json.RawMessage) (json.RawMessage, error) {
	reply, _, err := f.InvokeBilled(ctx, event)
	return reply, err
}

// InvokeBilled implements lambda.Biller: the end of the function's log, which
// comes with the reply, has a line about it.
func (f *Function) InvokeBilled(ctx context.Context, event json.RawMessage) (json.RawMessage, lambda.Billed, error) {
	out, err := f.client.Invoke(ctx, &service.InvokeInput{
		FunctionName: &f.name, Payload: event, InvocationType: types.InvocationTypeRequestResponse, LogType: types.LogTypeTail,
	})
	if err != nil {
		return nil, lambda.Billed{}, fmt.Errorf("%w: call function %s: %w", classOf(err), f.name, err)
	}
	billed := billedOf(aws.ToString(out.LogResult))
	if out.FunctionError == nil {
		return out.Payload, billed, nil
	}
	failure := lambda.Failure{Type: aws.ToString(out.FunctionError)}
	if err := json.Unmarshal(out.Payload, &failure); err != nil {
		failure.Message = string(out.Payload)
	}
	return nil, billed, failure
}

// report is the line that AWS Lambda logs behind each invocation.
var report = regexp.MustCompile(`(?m)^REPORT .*\bBilled Duration: (\d+) ms\b.*\bMemory Size: (\d+) MB\b`)

// billedOf reads the end of a log, in base64; what says nothing is the zero value.
func billedOf(tail string) (b lambda.Billed) {
	text, err := base64.StdEncoding.DecodeString(tail)
	if err != nil {
		return b
	}
	lines := report.FindAllSubmatch(text, -1)
	if len(lines) == 0 {
		return b
	}
	last := lines[len(lines)-1]
	millis, err1 := strconv.ParseInt(string(last[1]), 10, 64)
	mb, err2 := strconv.ParseInt(string(last[2]), 10, 64)
	if err1 != nil || err2 != nil {
		return b
	}
	return lambda.Billed{Duration: time.Duration(millis) * time.Millisecond, Memory: mb << 20}
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
