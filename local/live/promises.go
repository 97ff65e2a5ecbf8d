package live

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
)

// check asks what the service's own check asks.
func (t *Trial) check(ctx context.Context) (string, error) {
	checker, can := t.Connector.(connector.Checker)
	if !can {
		return "", notTried("the provider cannot be asked")
	}

	checks, err := checker.Check(ctx)
	var says []string
	refused := false
	for _, c := range checks {
		says = append(says, c.String())
		refused = refused || c.OK != nil && !*c.OK
	}

	detail := strings.Join(says, ", ")

	switch {
	case refused:
		t.stopped = "the check does not pass"
		return "", fmt.Errorf("%s: %w", detail, cmpError(err, "refused"))
	case err != nil:
		return "", fmt.Errorf("%s: %w", detail, err)
	}

	return detail, nil
}

func cmpError(err error, otherwise string) error {
	if err != nil {
		return err
	}

	return errors.New(otherwise)
}

// place resolves the place twice and sends the calls there.
func (t *Trial) place(ctx context.Context) (string, error) {
	first, err := t.Connector.Resolve(ctx)
	if err != nil {
		t.stopped = "it is not known which place it is"
		return "", err
	}

	again, err := t.Connector.Resolve(ctx)
	if err != nil {
		return "", err
	}
	if again.ID != first.ID || again.Instance != first.Instance || again.Created != first.Created {
		return "", fmt.Errorf("%+v, then %+v", first, again)
	}

	t.Connector.Use(first)
	t.places = append(t.places, first)

	return fmt.Sprintf("%s, id %s", first.Name, first.ID), nil
}

// rendered is what spares a call: the content is the same each time.
func (t *Trial) rendered(context.Context) (string, error) {
	item := t.made.item("the same")
	first := t.Connector.Render(item).Hash()
	second := t.Connector.Render(item).Hash()
	if first != second {
		return "", errors.New("the same item gives two contents")
	}

	return "", nil
}

// foundAgain loses the answer of a create and looks for what it made.
func (t *Trial) foundAgain(ctx context.Context) (string, error) {
	finder, can := t.Connector.(connector.Finder)
	if !can {
		return "", notTried("the provider cannot be asked what it holds: such a create is reported as unknown")
	}

	began := t.Clock.Now()
	t.Wire.LoseNext()
	o, _, err := t.made.make(ctx, t.made.item("an answer is lost"))
	lost := t.Wire.Lost()
	var e *failure.Error
	switch {
	case !lost && err != nil:
		return "", err
	case !lost:
		return "", errors.New("no write passed the wire")
	case err == nil:
		return "", errors.New("the create succeeded without an answer")
	case !errors.As(err, &e) || e.Class != failure.Ambiguous:
		return "", fmt.Errorf("the create without an answer is not in doubt: %w", err)
	}

	if err := t.made.find(ctx, finder, o, patience); err != nil {
		return "", err
	}

	after := t.Clock.Now().Sub(began).Round(time.Second)

	return fmt.Sprintf("found after %s", after), nil
}

// passing reports whether an error may pass by itself.
func passing(err error) bool {
	var e *failure.Error

	return errors.As(err, &e) && (e.Class == failure.Retryable || e.Class == failure.NotSent)
}

// clock is the offset of the provider's clock, by the Date of its answers.
func (t *Trial) clock(context.Context) (string, error) {
	finder, can := t.Connector.(connector.Finder)
	if !can {
		return "", notTried("its time is not needed")
	}

	last, _ := finder.ClockLag()
	if last == 0 {
		return "", errors.New("no answer has a Date")
	}

	return fmt.Sprintf("%s behind this machine's", last.Round(time.Second)), nil
}

// limits are the rate limit headers of the answers.
func (t *Trial) limits(context.Context) (string, error) {
	told := t.Wire.Limits()
	if len(told) == 0 {
		return "", notTried("no answer has such a header; %d calls were made", t.Wire.Calls())
	}

	return fmt.Sprintf("%s; %d calls were made", strings.Join(told, ", "), t.Wire.Calls()), nil
}
