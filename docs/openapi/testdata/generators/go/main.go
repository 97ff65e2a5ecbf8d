// Command generated uses the client that oapi-codegen makes of the API's document:
// it lists, checks and syncs an integration, and reads an error.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
)

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: generated API TOKEN ORGANISATION INTEGRATION")
		os.Exit(2)
	}

	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(api, token, organisation, integration string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	bearer := func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+token)
		return nil
	}

	c, err := NewClientWithResponses(api, WithRequestEditorFn(bearer))
	if err != nil {
		return err
	}

	list, err := c.ListIntegrationsWithResponse(ctx, organisation, nil)
	if err != nil {
		return err
	}
	if list.JSON200 == nil || len(list.JSON200.Items) == 0 || !strings.HasPrefix(list.JSON200.Items[0].Configuration, "{") {
		return fmt.Errorf("list: %s %s", list.Status(), list.Body)
	}

	check, err := c.CheckIntegrationWithResponse(ctx, integration, CheckRequest{})
	if err != nil {
		return err
	}
	if check.JSON200 == nil || check.JSON200.Ok == nil || !*check.JSON200.Ok {
		return fmt.Errorf("check: %s %s", check.Status(), check.Body)
	}

	if err := sync(ctx, c, integration); err != nil {
		return err
	}

	return unknown(ctx, c)
}

// sync follows a sync to its end, and looks at what became of the items.
func sync(ctx context.Context, c *ClientWithResponses, integration string) error {
	started, err := c.StartSyncWithResponse(ctx, integration, SyncRequest{})
	if err != nil {
		return err
	}
	if started.JSON202 == nil {
		return fmt.Errorf("sync: %s %s", started.Status(), started.Body)
	}

	for {
		shown, err := c.GetSyncWithResponse(ctx, integration, started.JSON202.Id)
		if err != nil {
			return err
		}
		if shown.JSON200 == nil {
			return fmt.Errorf("sync: %s %s", shown.Status(), shown.Body)
		}
		if shown.JSON200.Status == RunStatusSucceeded {
			break
		}
		if shown.JSON200.FinishedAt != nil {
			return fmt.Errorf("sync: %s", shown.Body)
		}
		time.Sleep(200 * time.Millisecond)
	}

	items, err := c.ListItemsWithResponse(ctx, integration, nil)
	if err != nil {
		return err
	}
	if items.JSON200 == nil || len(items.JSON200.Items) == 0 {
		return fmt.Errorf("items: %s %s", items.Status(), items.Body)
	}

	fmt.Println("items:", len(items.JSON200.Items))

	return nil
}

// unknown reads the problem document of an integration that does not exist.
func unknown(ctx context.Context, c *ClientWithResponses) error {
	none, err := c.GetIntegrationWithResponse(ctx, "1", nil)
	if err != nil {
		return err
	}
	if none.ApplicationproblemJSON404 == nil {
		return fmt.Errorf("unknown integration: %s %s", none.Status(), none.Body)
	}

	fmt.Println("problem:", none.ApplicationproblemJSON404.Code, none.ApplicationproblemJSON404.Type)

	return nil
}
