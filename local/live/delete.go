package live

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/discord"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/gitlab"
	"example.com/integrations/shared/connector/jira"
	"example.com/integrations/shared/connector/mantisbt"
	"example.com/integrations/shared/connector/slack"
	"example.com/integrations/shared/domain"
)

// deletedPromise is the last row of a trial.
const deletedPromise = "what the trial made is deleted"

// longestAnswer bounds the body of an answer to a delete, in bytes.
const longestAnswer = 64 << 10

// errMayNot says that the provider does not let the token delete an object. Its
// text is the status or the provider's code.
type errMayNot string

func (e errMayNot) Error() string { return "the token may not delete (" + string(e) + ")" }

// errNoAddress says that the address of an object is not known.
var errNoAddress = errors.New("the provider has taken no write of it, so the address of an object is not known")

// deleted deletes each object that the trial made. The connectors have no call
// for that, so the trial sends it itself. It stops at the first refusal.
func (t *Trial) deleted(ctx context.Context) (string, error) {
	switch {
	case len(t.objects) == 0:
		return "", notTried("nothing was made")
	case !t.canDelete():
		return "", notTried("the API has no call for it: %s", t.stay(len(t.objects)))
	}

	gone := 0
	var failed []error
	for _, o := range t.objects {
		err := t.delete(ctx, o)
		var no errMayNot
		switch {
		case err == nil:
			gone++
		case errors.As(err, &no) || errors.Is(err, errNoAddress):
			left := fmt.Errorf("%w: %s", err, t.stay(len(t.objects)-gone-len(failed)))
			if len(failed) > 0 {
				return "", errors.Join(append(failed, left)...)
			}

			return "", notTried("%s", left)

		default:
			failed = append(failed, err)
		}
	}

	return counted(gone, t.noun()), errors.Join(failed...)
}

// noun is what the trial makes.
func (t *Trial) noun() string {
	if _, chat := t.Connector.(connector.Chat); chat {
		return "message"
	}

	return "object"
}

// counted is "1 object" or "2 objects".
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}

	return fmt.Sprintf("%d %ss", n, noun)
}

// stay says of how many objects it is that they are not deleted.
func (t *Trial) stay(n int) string {
	open := slices.ContainsFunc(t.objects, func(o *object) bool { return o.lost || o.sent.State != domain.Closed })
	_, chat := t.Connector.(connector.Chat)
	verbs := []string{"stay", "are closed and stay"}
	if n == 1 {
		verbs = []string{"stays", "is closed and stays"}
	}

	verb := verbs[1]
	if open || chat {
		verb = verbs[0]
	}

	return counted(n, t.noun()) + " " + verb
}

// canDelete reports whether the API of the provider has a call that deletes what
// the trial makes. GitHub's REST API, Slack's incoming webhooks and Teams'
// workflows have none.
func (t *Trial) canDelete() bool {
	switch t.Connector.(type) {
	case *gitlab.Connector, *jira.Connector, *mantisbt.Connector, *discord.Bot, *discord.Webhook, *slack.Bot:
		return true
	}

	return false
}

// delete deletes one object. It is nil if the object is gone.
func (t *Trial) delete(ctx context.Context, o *object) error {
	if o.lost {
		return fmt.Errorf("the %s %q was not found", t.noun(), o.item.Title)
	}

	gone, err := t.proven(ctx, o)
	switch {
	case gone:
		return nil
	case err != nil:
		return fmt.Errorf("delete %s: %w", o.where(), err)
	}

	request, err := t.deletion(o.sent.Remote)
	if err != nil {
		return err
	}

	err = t.sent(ctx, request)
	var no errMayNot
	switch {
	case errors.As(err, &no):
		return no
	case err != nil:
		return fmt.Errorf("delete %s: %w", o.where(), err)
	}

	return nil
}

// where is the address of an object's page, or its title where it has none.
func (o *object) where() string { return cmp.Or(o.sent.Remote.URL, strconv.Quote(o.item.Title)) }

// sent sends a delete and judges the answer. Of another success than 204 it is not
// known what was done: the object is gone if a second delete finds nothing.
func (t *Trial) sent(ctx context.Context, request *http.Request) error {
	if err := t.Clock.Sleep(ctx, pause); err != nil {
		return err
	}

	status, body, err := t.Wire.send(ctx, request)
	if err != nil {
		return err
	}

	_, onSlack := t.Connector.(*slack.Bot)
	if !onSlack && status >= http.StatusOK && status < http.StatusMultipleChoices && status != http.StatusNoContent {
		if err := t.Clock.Sleep(ctx, pause); err != nil {
			return err
		}

		if second, _, err := t.Wire.send(ctx, request); err == nil && second == http.StatusNotFound {
			return nil
		}
	}

	return t.judge(status, body)
}

// proven reads an object of a tracker before it is deleted: it must carry the
// marker that this trial gave it. Gone says that someone has deleted it already.
// A chat's messages are not read: their ids come from the chat's own answers.
func (t *Trial) proven(ctx context.Context, o *object) (gone bool, err error) {
	puller, can := t.Connector.(connector.Puller)
	if !can {
		return false, nil
	}

	read, err := puller.Read(ctx, o.sent.Remote)
	var e *failure.Error
	switch {
	case errors.As(err, &e) && e.Code == "remote_deleted":
		return true, nil
	case err != nil:
		return false, err
	case read.Remote.ID != o.sent.Remote.ID || !slices.Contains(read.Markers, o.marker):
		return false, errors.New("it does not carry the marker of this trial")
	}

	return false, nil
}

// judge is nil if an answer says that the object is deleted. Each provider says so
// with 204 and no body, Slack with 200 and "ok".
func (t *Trial) judge(status int, body []byte) error {
	_, onSlack := t.Connector.(*slack.Bot)
	switch {
	case slices.Contains(refusing, status):
		return errMayNot(fmt.Sprint(status))
	case onSlack && status == http.StatusOK:
		return judgeSlack(body)
	case onSlack || status != http.StatusNoContent:
		return fmt.Errorf("the provider answers %d", status)
	}

	return nil
}

// refusing are the statuses that say that the token may not delete.
var refusing = []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed}

// refusingCodes are the errors by which Slack says the same
// (https://docs.slack.dev/reference/methods/chat.delete).
var refusingCodes = []string{
	"access_denied", "account_inactive", "cant_delete_message", "channel_not_found", "compliance_exports_prevent_deletion", "ekm_access_denied",
	"invalid_auth", "message_not_found", "missing_scope", "no_permission", "not_allowed_token_type", "not_authed", "restricted_action",
	"token_expired", "token_revoked",
}

// slackCode is the form of Slack's errors. Another text is not shown.
var slackCode = regexp.MustCompile(`^[a-z_]{1,60}$`)

func judgeSlack(body []byte) error {
	var answer struct {
		OK    bool   `json:"ok"`
		Error string `json:"error"`
	}
	err := json.Unmarshal(body, &answer)
	switch {
	case err != nil:
		return errors.New("the provider answers 200 without Slack's form")
	case answer.OK:
		return nil
	case slices.Contains(refusingCodes, answer.Error):
		return errMayNot(answer.Error)
	case slackCode.MatchString(answer.Error):
		return fmt.Errorf("the provider answers 200 with %s", answer.Error)
	}

	return errors.New("the provider answers 200 without ok")
}

// nameOf is what ends the address of an object at its provider: its number in the
// project, or its id.
func (t *Trial) nameOf(r domain.Remote) string {
	switch t.Connector.(type) {
	case *gitlab.Connector, *mantisbt.Connector:
		return r.Key
	}

	return r.ID
}

// named is the form of what ends an address: a number, an id or a key.
var named = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]*$`)

// deletion is the request that deletes an object of the trial. It has the address
// and the header of a write that the connector sent for an object of this trial,
// with this object's name at the end of the address.
func (t *Trial) deletion(r domain.Remote) (*http.Request, error) {
	if _, onSlack := t.Connector.(*slack.Bot); onSlack {
		return t.slackDeletion(r)
	}

	name := t.nameOf(r)
	write, beside := t.addressed()
	if write == nil || !named.MatchString(name) {
		return nil, errNoAddress
	}

	request := again(write, http.MethodDelete, beside+"/"+name, nil)
	// Of the query only the thread counts that a Discord webhook posts into. In a
	// forum each object has its own, whose id is that of its first message.
	thread := write.URL.Query().Get("thread_id")
	if _, hook := t.Connector.(*discord.Webhook); hook && (thread != "" || r.Key == r.ID) {
		thread = cmp.Or(r.Key, thread)
	}

	if thread != "" {
		request.URL.RawQuery = url.Values{"thread_id": {thread}}.Encode()
	}

	return request, nil
}

// addressed is a write of the connector and the path, as it is escaped, that the
// objects of the trial lie below. An update of an object tells both. In Discord the
// post of a message does, too, as the trial may end before the first update. It is
// nil if there was no such write.
func (t *Trial) addressed() (write *http.Request, beside string) {
	var ours []string
	for _, o := range t.objects {
		ours = append(ours, t.nameOf(o.sent.Remote))
	}

	update := t.Wire.lastWrite(func(r *http.Request) bool {
		return (r.Method == http.MethodPut || r.Method == http.MethodPatch) && slices.Contains(ours, path.Base(r.URL.Path))
	})
	if update != nil {
		return update, path.Dir(update.URL.EscapedPath())
	}

	below := ""
	switch t.Connector.(type) {
	case *discord.Bot:
	case *discord.Webhook:
		below = "/messages"
	default:
		return nil, ""
	}

	post := t.Wire.lastWrite(func(r *http.Request) bool { return r.Method == http.MethodPost })
	if post == nil {
		return nil, ""
	}

	return post, post.URL.EscapedPath() + below
}

// slackDeletion is the call of chat.delete for a message of the trial.
func (t *Trial) slackDeletion(r domain.Remote) (*http.Request, error) {
	write := t.Wire.lastWrite(func(r *http.Request) bool {
		return strings.HasSuffix(r.URL.Path, "/chat.update") || strings.HasSuffix(r.URL.Path, "/chat.postMessage")
	})
	if write == nil || r.Key == "" || r.ID == "" {
		return nil, errNoAddress
	}

	body, err := json.Marshal(map[string]string{"channel": r.Key, "ts": r.ID})
	if err != nil {
		return nil, err
	}

	return again(write, http.MethodPost, path.Dir(write.URL.Path)+"/chat.delete", body), nil
}

// again is a request with the header of an earlier one. at is the path as it is
// escaped. Its context is the caller's to set.
func again(earlier *http.Request, method, at string, body []byte) *http.Request {
	request := earlier.Clone(context.Background())
	request.Method = method
	request.URL.Path = at
	request.URL.RawPath = ""
	request.URL.RawQuery = ""
	if plain, err := url.PathUnescape(at); err == nil {
		request.URL.Path = plain
		request.URL.RawPath = at
	}

	// What was about the earlier body, about its version or about its connection.
	for _, name := range []string{"Accept-Encoding", "Connection", "Content-Length", "Expect", "If-Match", "Transfer-Encoding"} {
		request.Header.Del(name)
	}

	if body == nil {
		request.Header.Del("Content-Type")
	}

	request.TransferEncoding = nil
	request.Body = io.NopCloser(bytes.NewReader(body))
	request.ContentLength = int64(len(body))
	if body == nil {
		request.Body = http.NoBody
	}

	return request
}

// keep notes the head of a write that the provider took.
func (w *Wire) keep(r *http.Request) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return
	}

	head := r.Clone(context.Background())
	head.Body = nil

	w.mu.Lock()
	defer w.mu.Unlock()
	if w.written == nil {
		w.written = map[string]*http.Request{}
	}

	w.written[r.Method+" "+r.URL.EscapedPath()] = head
}

// lastWrite is the head of a write that the provider took, nil if none is as
// wanted. Of two the one is returned whose address sorts last.
func (w *Wire) lastWrite(wanted func(*http.Request) bool) *http.Request {
	w.mu.Lock()
	defer w.mu.Unlock()

	var found *http.Request
	last := ""
	for key, r := range w.written {
		if wanted(r) && key > last {
			found = r
			last = key
		}
	}

	return found
}

// errNoAnswer says that the connection ended without an answer.
var errNoAnswer = errors.New("the provider did not answer")

// send has the provider serve a request of the trial's own. A redirect is an
// answer like another: it is not followed.
func (w *Wire) send(ctx context.Context, r *http.Request) (status int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	w.mu.Lock()
	w.calls++
	provider := w.provider
	w.mu.Unlock()

	taken := &taken{header: http.Header{}}
	defer func() {
		switch failure := recover(); {
		case failure == http.ErrAbortHandler:
			status = 0
			body = nil
			err = errNoAnswer
		case failure != nil:
			panic(failure)
		}
	}()

	provider.ServeHTTP(taken, r.WithContext(ctx))
	w.saw(taken.header)
	if ctx.Err() != nil {
		return 0, nil, errNoAnswer
	}

	if taken.status == 0 {
		taken.status = http.StatusOK
	}

	return taken.status, taken.body.Bytes(), nil
}

// taken is an answer that is kept, up to longestAnswer.
type taken struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (t *taken) Header() http.Header { return t.header }

func (t *taken) WriteHeader(status int) {
	if t.status == 0 && status >= http.StatusOK {
		t.status = status
	}
}

func (t *taken) Write(b []byte) (int, error) {
	t.WriteHeader(http.StatusOK)
	if t.body.Len()+len(b) > longestAnswer {
		return 0, errors.New("the answer is too long")
	}

	return t.body.Write(b)
}

// Flush is http.Flusher's.
func (t *taken) Flush() {}
