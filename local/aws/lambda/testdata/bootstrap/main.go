// Command bootstrap is a function that does what its event says.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
	Do   string
	Size int
}

func handle(ctx context.Context, e event) (any, error) {
	switch e.Do {
	case "fail":
		return nil, errors.New("as asked")
	case "exit":
		os.Exit(3)
	case "panic":
		panic("as asked")
	case "sleep":
		fmt.Println("sleeping")
		<-ctx.Done()
		time.Sleep(time.Hour)
	case "big":
		return strings.Repeat("x", e.Size), nil
	case "environment":
		return os.Environ(), nil
	}

	fmt.Println("said", e.Do)
	lc, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()

	return map[string]any{"pid": os.Getpid(), "arn": lc.InvokedFunctionArn, "id": lc.AwsRequestID,
		"left_ms": time.Until(deadline).Milliseconds(), "trace": os.Getenv("_X_AMZN_TRACE_ID")}, nil
}

func main() {
	switch os.Getenv("INIT") {
	case "exit":
		os.Exit(7)
	case "error":
		report()
		os.Exit(1)
	case "linger":
		report()
		time.Sleep(time.Hour)
	}

	lambda.Start(handle)
}
