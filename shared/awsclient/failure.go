package awsclient

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Reserve is the time of an invocation that no call to AWS may use. A function
// needs it to answer, or to report which messages failed.
const Reserve = time.Second

// Within ends a context before its invocation ends, so that a call to AWS that
// hangs fails in time and the function can still answer. A context without a
// deadline stays as it is.
func Within(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, deadline.Add(-Reserve))
}

// awayCodes are the errors with which a service of AWS says that it is
// throttled or has a fault of its own, beside all answers with a status of 5xx
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html,
// https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html).
var awayCodes = []string{
	"ProvisionedThroughputExceededException", "ThrottlingException", "Throttling", "ThrottledException", "RequestThrottled",
	"RequestThrottledException", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown",
	"InternalServerError", "InternalServerErrorException", "InternalFailure", "InternalError", "ServiceUnavailable", "ServiceUnavailableException",
	"TransactionConflictException", "TransactionInProgressException", "ReplicatedWriteConflictException",
	"KMSInternalException", "DependencyTimeoutException", "KeyUnavailableException",
}

// awayReasons are the reasons of a cancelled transaction that are no caller's
// fault: the same transaction may succeed later
// (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html).
var awayReasons = []string{"None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}

// Unavailable reports whether a call failed because a service of AWS could not
// be reached, did not answer in time, was throttled or had a fault of its own.
// The same call may succeed later. Whether it took effect is not known.
func Unavailable(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) {
		return true
	}

	var cancelled *types.TransactionCanceledException
	if errors.As(err, &cancelled) {
		return onlyAway(cancelled)
	}

	var answered smithy.APIError
	if errors.As(err, &answered) && slices.Contains(awayCodes, answered.ErrorCode()) {
		return true
	}

	var response *smithyhttp.ResponseError
	if errors.As(err, &response) && response.HTTPStatusCode() >= http.StatusInternalServerError {
		return true
	}

	var unsent *smithyhttp.RequestSendError
	var network net.Error
	var quota ratelimit.QuotaExceededError

	return errors.As(err, &unsent) || errors.As(err, &network) || errors.As(err, &quota)
}

// onlyAway reports whether no reason of a cancelled transaction is a failed
// condition or a mistake of ours.
func onlyAway(cancelled *types.TransactionCanceledException) bool {
	for _, reason := range cancelled.CancellationReasons {
		if reason.Code != nil && !slices.Contains(awayReasons, *reason.Code) {
			return false
		}
	}
	return true
}
