// Package lambdaapp starts a Lambda function: it reads the environment, makes what
// every function needs, and logs why it could not.
package lambdaapp

import (
	"log/slog"
	"os"
	"runtime/debug"
	"strconv"

	"github.com/aws/aws-lambda-go/lambda"

	"example.com/integrations/shared/api"
	"example.com/integrations/shared/awsclient"
	"example.com/integrations/shared/store"
)

// A App is what every function is made from.
type App struct {
	Env     *Settings
	Clients *awsclient.Clients
	Log     *slog.Logger
	Store   *store.Store
}

// Route starts a function behind API Gateway. make must read all it needs of
// the environment: what is missing or malformed is reported together.
func Route(make func(App) api.Route) {
	start(func(b App, table string) any {
		claim := b.Env.TextOr("USER_CLAIM", "sub")
		route := make(b)
		if b.Env.Err() == nil {
			awsclient.Warm(b.Clients.DynamoDB(), table)
		}
		return api.Serve(b.Log, claim, route)
	})
}

// Function starts any other function. make gives its handler, in one of the
// forms that lambda.Start takes.
func Function(make func(App) any) {
	start(func(b App, _ string) any { return make(b) })
}

// Tune bounds the memory of a function with so many megabytes: when three
// quarters are taken it is cleaned up more often. How often otherwise is Go's
// own choice: cleaning up at two or four times what lives brings no more items
// a second (BenchmarkSync), and the worker then holds 3 or 12 MiB more, the more
// the longer it works.
func Tune(megabytes int) {
	debug.SetMemoryLimit(int64(megabytes) << 20 / 4 * 3)
}

func start(make func(App, string) any) {
	env := NewSettings(os.LookupEnv)
	b := App{Env: env, Clients: awsclient.New(env), Log: slog.New(slog.NewJSONHandler(os.Stdout, nil))}
	Tune(Parsed(env, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", megabytes))
	table := env.Text("TABLE_NAME")
	b.Store = store.New(b.Clients.DynamoDB(), table)
	handler := make(b, table)
	if err := env.Err(); err != nil {
		b.Log.Error("start", "error", err.Error())
		os.Exit(1)
	}

	lambda.Start(handler)
}

// megabytes reads what Lambda says of a function's memory.
func megabytes(text string) (int, error) {
	const least = 128
	if text == "" {
		return least, nil
	}
	return strconv.Atoi(text)
}
