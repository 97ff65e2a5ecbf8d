// Package gallery shows the same items at each provider, side by side. The connectors
// make what it draws. The messages of chats are those that the fake servers received.
package gallery

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"time"

	"example.com/integrations/local/aws/secrets"
	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/chat"
	"example.com/integrations/shared/configuration"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/factory"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

// A Column is a provider.
type Column struct {
	Name        string
	Integration domain.Integration // with its secrets in the configuration
	// Draw shows a tracker's body. Chats have none.
	Draw func(body string) (template.HTML, error)
	// Chat is the fake server of a chat, Hosts are its names, and Channel receives the
	// messages.
	Chat    Chat
	Hosts   []string
	Channel string
}

// A Chat is a chat's fake server.
type Chat interface {
	API() http.Handler
	Messages(channel string) []*chat.Message
	Picture(m *chat.Message) chat.Picture
	Violations() []string
	Close() error
}

//go:embed gallery.html
var source string

var pages = providers.ParsePages(source)

// A card is an item at a provider.
type card struct {
	Provider string
	Title    string
	State    domain.ItemState
	Labels   []string
	Body     template.HTML
	Below    template.HTML // the reply below the message
	Raw      string        // the body or the message as it is sent
	Problems []string
	Chat     bool
}

// A row is an item at all providers.
type row struct {
	exhibit
	Anchor string
	Cards  []card
}

// Handler serves the page. The first request makes it. columns gets a folder for its
// state, which is deleted afterwards.
func Handler(columns func(dir string) ([]Column, error)) http.Handler {
	made := sync.OnceValues(func() ([]row, error) { return build(columns) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rows, err := made()
		style, styleErr := chat.Style()
		if err := errors.Join(err, styleErr); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}

		providers.Show(w, pages, "gallery", map[string]any{
			"Title": "The same items at each provider", "Style": style, "Rows": rows, "Theme": theme(r.URL.Query().Get("theme")),
		})
	})
}

// theme is the color scheme of a page: light, dark, or the one of the browser.
func theme(asked string) template.CSS {
	switch asked {
	case "light", "dark":
		return template.CSS(asked)
	}

	return "light dark"
}

func build(columns func(dir string) ([]Column, error)) ([]row, error) {
	dir, err := os.MkdirTemp("", "gallery")
	if err != nil {
		return nil, err
	}

	defer func() { _ = os.RemoveAll(dir) }()
	all, err := columns(dir)
	if err != nil {
		return nil, err
	}

	defer func() {
		for _, c := range all {
			if c.Chat != nil {
				_ = c.Chat.Close()
			}
		}
	}()

	client, stop, err := serve(dir, all)
	if err != nil {
		return nil, err
	}

	defer stop()
	shown, err := exhibits()
	if err != nil {
		return nil, err
	}

	var rows []row
	for i, e := range shown {
		rows = append(rows, row{exhibit: e, Anchor: fmt.Sprintf("item-%d", i+1)})
	}

	for _, c := range all {
		opened, err := open(c, client)
		for i := range rows {
			if c.Chat == nil && rows[i].forChats() {
				continue
			}

			if err != nil {
				rows[i].Cards = append(rows[i].Cards, card{Provider: c.Name, Problems: []string{err.Error()}})
				continue
			}

			rows[i].Cards = append(rows[i].Cards, show(c, opened, rows[i].exhibit))
		}
	}

	return rows, nil
}

// open opens a column's connector as the service does, from what it stores.
func open(c Column, client *outbound.Client) (connector.Connector, error) {
	accepted, err := configuration.Accept(c.Integration.Provider, c.Integration.Configuration, nil)
	if err != nil {
		return nil, err
	}
	return factory.New(c.Integration.Provider, accepted.Public, accepted.NewSecrets, client, nil)
}

// show renders an item, and posts it if the provider is a chat.
func show(c Column, opened connector.Connector, e exhibit) card {
	content := opened.Render(e.Item)
	if e.Item.Deleted {
		content.State = domain.Closed // as in the worker
	}

	if e.Before != nil {
		before := opened.Render(*e.Before)
		content.Previous = before.AsPrevious()
	}

	made := card{Provider: c.Name, Title: content.Title, State: content.State, Labels: content.Labels, Raw: content.Body, Chat: c.Chat != nil}
	marker := connector.Marker{Integration: c.Integration.ID, Item: e.Item.ID, Attempt: 1}
	var err error
	switch replier, replies := opened.(connector.Replier); {
	case c.Chat == nil:
		made.Body, err = c.Draw(content.Body)
	case e.Digest != nil:
		err = made.digest(c, opened.(connector.Chat), e.Digest, marker)
	case e.Replied && replies:
		err = made.reply(c, opened, replier, content, marker)
	default:
		err = made.post(c, opened, content, marker)
	}

	if err != nil {
		made.Problems = append(made.Problems, err.Error())
	}

	return made
}

// post lets the connector post a message, and draws what arrived.
func (made *card) post(c Column, opened connector.Connector, content connector.Content, m connector.Marker) error {
	return made.shows(c, func(ctx context.Context) error {
		_, err := opened.Create(ctx, content, m)
		return err
	})
}

// digest lets the connector post a digest of items.
func (made *card) digest(c Column, opened connector.Chat, items []domain.Item, m connector.Marker) error {
	d := connector.Digest{URL: "https://items.example/list"}
	for _, item := range items {
		content := opened.Render(item)
		content.Body = ""
		content.Blocks = nil
		d.New++
		d.Add(content, item.UpdatedAt)
	}

	d.New += 16 // items that it does not name
	made.Title = ""

	return made.shows(c, func(ctx context.Context) error {
		_, err := opened.Digest(ctx, d, m)
		return err
	})
}

// reply lets the connector post the item as it was, edit the message, and reply below
// it.
func (made *card) reply(c Column, opened connector.Connector, replier connector.Replier, content connector.Content, m connector.Marker) error {
	var message connector.Written
	err := made.shows(c, func(ctx context.Context) (err error) {
		before := content
		before.Facts = content.Previous.Facts
		before.Previous = nil
		message, err = opened.Create(ctx, before, m)
		if err != nil {
			return err
		}

		sent := connector.Sent{Remote: message.Remote, Labels: before.Labels, State: before.State, Seen: message.Seen}
		_, err = opened.Update(ctx, sent, content, m)

		return err
	})
	if err != nil {
		return err
	}

	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	m.Item++
	w, err := replier.Reply(ctx, connector.Reply{
		Message:   message.Remote,
		From:      domain.ProgressOf(content.Previous.State, content.Previous.Facts, false),
		To:        domain.ProgressOf(content.State, content.Facts, false),
		Content:   content,
		ChangedBy: content.ChangedBy,
		Markers:   []connector.Marker{m},
	})
	if err != nil {
		return err
	}

	all := c.Chat.Messages(w.Remote.Key)
	if len(all) == 0 {
		return errors.New("the reply did not arrive")
	}

	last := all[len(all)-1]
	made.Raw += "\n" + providers.Indent(last.Wire)
	made.Below, err = c.Chat.Picture(last).HTML()

	return err
}

// patience is the timeout of a message.
const patience = 10 * time.Second

// shows runs a function that posts one message, and draws what arrived.
func (made *card) shows(c Column, do func(context.Context) error) error {
	messages := len(c.Chat.Messages(c.Channel))
	violations := len(c.Chat.Violations())
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()

	err := do(ctx)
	made.Problems = append(made.Problems, c.Chat.Violations()[violations:]...)
	if err != nil {
		return err
	}

	all := c.Chat.Messages(c.Channel)
	if len(all) != messages+1 {
		return fmt.Errorf("%d messages arrived instead of one", len(all)-messages)
	}

	last := all[len(all)-1]
	made.Raw = providers.Indent(last.Wire)
	made.Body, err = c.Chat.Picture(last).HTML()

	return err
}

// serve serves the chats under their hosts, and returns a client that connects to it.
func serve(dir string, columns []Column) (*outbound.Client, func(), error) {
	apis := map[string]http.Handler{}
	hosts := []string{"localhost"}
	for _, c := range columns {
		for _, host := range c.Hosts {
			apis[host] = c.Chat.API()
			hosts = append(hosts, host)
		}
	}

	ca, err := secrets.OpenCA(dir)
	if err != nil {
		return nil, nil, err
	}

	certificate, err := ca.Certificate(hosts...)
	if err != nil {
		return nil, nil, err
	}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}

	server := &http.Server{
		ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
		Handler:   providers.ByHost(apis),
	}

	go func() { _ = server.ServeTLS(listener, "", "") }()
	client, err := led(ca, hosts, listener.Addr().String())
	if err != nil {
		return nil, nil, errors.Join(err, server.Close())
	}

	return client, func() { client.CloseIdle(); _ = server.Close() }, nil
}

// led is a client that connects to one address for all hosts.
func led(ca *secrets.CA, hosts []string, address string) (*outbound.Client, error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}

	pem, err := os.ReadFile(ca.CertFile())
	if err != nil {
		return nil, err
	}

	roots := x509.NewCertPool()
	overrides := map[string]netip.AddrPort{}
	roots.AppendCertsFromPEM(pem)
	for _, host := range hosts {
		overrides[host] = to
	}

	return outbound.New(outbound.Config{Hosts: hosts, Overrides: overrides, RootCAs: roots, Timeout: 5 * time.Second}), nil
}
