package connectortest_test

import (
	"context"
	"net/http"
	"testing"

	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/outbound"
)

// BenchmarkGiveUp measures how long a call goes on after its context is
// cancelled, at a server that does not answer.
func BenchmarkGiveUp(b *testing.B) {
	arrived := make(chan struct{}, 1)
	client := connectortest.Serve(b, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-r.Context().Done()
	}))
	request := outbound.Request{Method: http.MethodGet, URL: "https://" + connectortest.Host + "/"}

	for b.Loop() {
		b.StopTimer()
		ctx, cancel := context.WithCancel(b.Context())
		ended := make(chan error, 1)
		go func() {
			_, err := client.Do(ctx, request)
			ended <- err
		}()
		<-arrived

		b.StartTimer()
		cancel()
		err := <-ended
		if err == nil {
			b.Fatal("answered")
		}
	}
}
