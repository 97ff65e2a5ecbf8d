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

// A remover deletes what a trial has made.
type remover struct {
	connector connector.Connector
	wire      *Wire
	clock     Clock
	made      *objects
}

// deleted deletes each object that the trial made. The connectors have no call
// for that, so the trial sends it itself. It stops at the first refusal.
func (d *remover) deleted(ctx context.Context) (string, error) {
	switch {
	case len(d.made.all) == 0:
		return "", notTried("nothing was made")
	case !d.canDelete():
		return "", notTried("the API has no call for it: %s", d.stay(len(d.made.all)))
	}

	gone := 0
	var failed []error
	for _, o := range d.made.all {
		err := d.delete(ctx, o)
		var no errMayNot
		switch {
		case err == nil:
			gone++
		case errors.As(err, &no) || errors.Is(err, errNoAddress):
			left := fmt.Errorf("%w: %s", err, d.stay(len(d.made.all)-gone-len(failed)))
			if len(failed) > 0 {
				return "", errors.Join(append(failed, left)...)
			}

			return "", notTried("%s", left)

		default:
			failed = append(failed, err)
		}
	}

	return counted(gone, d.noun()), errors.Join(failed...)
}

// noun is what the trial makes.
func (d *remover) noun() string {
	if d.made.chat() {
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

// stay describes how many objects are left, and in which state.
func (d *remover) stay(n int) string {
	open := slices.ContainsFunc(d.made.all, func(o *object) bool { return o.lost || o.sent.State != domain.Closed })
	verbs := []string{"stay", "are closed and stay"}
	if n == 1 {
		verbs = []string{"stays", "is closed and stays"}
	}

	verb := verbs[1]
	if open || d.made.chat() {
		verb = verbs[0]
	}

	return counted(n, d.noun()) + " " + verb
}

// canDelete reports whether the API of the provider has a call that deletes what
// the trial makes. GitHub's REST API, Slack's incoming webhooks and Teams'
// workflows have none.
func (d *remover) canDelete() bool {
	switch d.connector.(type) {
	case *gitlab.Connector, *jira.Connector, *mantisbt.Connector, *discord.Bot, *discord.Webhook, *slack.Bot:
		return true
	}

	return false
}

// delete deletes one object. It is nil if the object is gone.
func (d *remover) delete(ctx context.Context, o *object) error {
	if o.lost {
		return fmt.Errorf("the %s %q was not found", d.noun(), o.item.Title)
	}

	gone, err := d.proven(ctx, o)
	switch {
	case gone:
		return nil
	case err != nil:
		return fmt.Errorf("delete %s: %w", o.where(), err)
	}

	request, err := d.deletion(o.sent.Remote)
	if err != nil {
		return err
	}

	err = d.sent(ctx, request)
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
func (d *remover) sent(ctx context.Context, request *http.Request) error {
	if err := d.clock.Sleep(ctx, pause); err != nil {
		return err
	}

	status, body, err := d.wire.send(ctx, request)
	if err != nil {
		return err
	}

	_, onSlack := d.connector.(*slack.Bot)
	if !onSlack && status >= http.StatusOK && status < http.StatusMultipleChoices && status != http.StatusNoContent {
		if err := d.clock.Sleep(ctx, pause); err != nil {
			return err
		}

		if second, _, err := d.wire.send(ctx, request); err == nil && second == http.StatusNotFound {
			return nil
		}
	}

	return d.judge(status, body)
}

// proven reads an object of a tracker before it is deleted: it must carry the
// marker that this trial gave it. Gone: it is already deleted.
// A chat's messages are not read: their ids come from the chat's own answers.
func (d *remover) proven(ctx context.Context, o *object) (gone bool, err error) {
	puller, can := d.connector.(connector.Puller)
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

// judge is nil if an answer says that the object is deleted. Each provider answers
// with 204 and no body, Slack with 200 and "ok".
func (d *remover) judge(status int, body []byte) error {
	_, onSlack := d.connector.(*slack.Bot)
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
func (d *remover) nameOf(r domain.Remote) string {
	switch d.connector.(type) {
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
func (d *remover) deletion(r domain.Remote) (*http.Request, error) {
	if _, onSlack := d.connector.(*slack.Bot); onSlack {
		return d.slackDeletion(r)
	}

	name := d.nameOf(r)
	write, beside := d.addressed()
	if write == nil || !named.MatchString(name) {
		return nil, errNoAddress
	}

	request := again(write, http.MethodDelete, beside+"/"+name, nil)
	// Of the query only the thread counts that a Discord webhook posts into. In a
	// forum each object has its own, whose id is that of its first message.
	thread := write.URL.Query().Get("thread_id")
	if _, hook := d.connector.(*discord.Webhook); hook && (thread != "" || r.Key == r.ID) {
		thread = cmp.Or(r.Key, thread)
	}

	if thread != "" {
		request.URL.RawQuery = url.Values{"thread_id": {thread}}.Encode()
	}

	return request, nil
}

// addressed is a write of the connector and the path, as it is escaped, that the
// objects of the trial lie below. An update of an object shows both. In Discord the
// post of a message does, too, as the trial may end before the first update. It is
// nil if there was no such write.
func (d *remover) addressed() (write *http.Request, beside string) {
	var ours []string
	for _, o := range d.made.all {
		ours = append(ours, d.nameOf(o.sent.Remote))
	}

	update := d.wire.lastWrite(func(r *http.Request) bool {
		return (r.Method == http.MethodPut || r.Method == http.MethodPatch) && slices.Contains(ours, path.Base(r.URL.Path))
	})
	if update != nil {
		return update, path.Dir(update.URL.EscapedPath())
	}

	below := ""
	switch d.connector.(type) {
	case *discord.Bot:
	case *discord.Webhook:
		below = "/messages"
	default:
		return nil, ""
	}

	post := d.wire.lastWrite(func(r *http.Request) bool { return r.Method == http.MethodPost })
	if post == nil {
		return nil, ""
	}

	return post, post.URL.EscapedPath() + below
}

// slackDeletion is the call of chat.delete for a message of the trial.
func (d *remover) slackDeletion(r domain.Remote) (*http.Request, error) {
	write := d.wire.lastWrite(func(r *http.Request) bool {
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
