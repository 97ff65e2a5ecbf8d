package gallery

import (
	"fmt"
	"strings"
	"time"

	"example.com/integrations/shared/domain"
)

// An exhibit is an item with what it is there to show.
type exhibit struct {
	Name string
	Item domain.Item
	// Before is the item as it was told of last, nil if it is new.
	Before *domain.Item
	// Replied says that the change is said in a reply below the message, which
	// only bots of chats do.
	Replied bool
	// Digest are the items that a digest sums up, nil for none. Only chats have
	// digests.
	Digest []domain.Item
}

// forChats reports whether only chats can show an exhibit.
func (e exhibit) forChats() bool { return e.Replied || e.Digest != nil }

var at = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// like is a usual item, changed.
func like(number int, change func(*domain.Item)) domain.Item {
	i := domain.Item{
		ID: domain.Snowflake(1190000000000100000 + number), OrganisationID: 1180000000000000001, ItemType: "work_item", FormattedNumber: fmt.Sprintf("WI-%d", number), Version: 1,
		Title: "Doors close before the train is clear", State: domain.Open, Status: "in progress", Priority: "high", Labels: []string{"doors", "safety"},
		Description: "The doors of **car 3** close while the platform sensor still reports a person.\n\n- seen twice at track 4\n- see the [report](https://items.example/reports/4)",
		URL:         fmt.Sprintf("https://items.example/WI-%d", number), UpdatedAt: at,
	}
	if change != nil {
		change(&i)
	}

	return i
}

// exhibits are ten items that show what rendering has to cope with, one with all
// the people and dates that an event can name, a change that is said in a reply,
// and a digest.
func exhibits() []exhibit {
	items := tenItems()
	var all []domain.Item
	for _, e := range items {
		all = append(all, e.Item)
	}

	planned := like(12, func(i *domain.Item) {
		i.Status = "planned"
		i.Priority = "low"
	})

	return append(items,
		exhibit{Name: "people and a due date", Item: like(11, func(i *domain.Item) {
			i.Type = &domain.Named{ID: 1, Name: "Defect"}
			i.Project = &domain.Named{ID: 2, Name: "Line 4"}
			i.Milestone = &domain.Named{ID: 3, Name: "Spring timetable"}
			i.Owner = &domain.Named{ID: 4, Name: "Ada Lovelace"}
			i.UpdatedBy = &domain.Named{ID: 5, Name: "Grace Hopper"}
			i.DueAt = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		})},
		exhibit{Name: "a change that is said in a reply", Before: &planned, Replied: true, Item: like(12, func(i *domain.Item) {
			i.Version = 2
			i.Status = "in review"
			i.Priority = "urgent"
			i.UpdatedBy = &domain.Named{ID: 5, Name: "Grace Hopper"}
		})},
		exhibit{Name: "a digest", Digest: all, Item: like(13, nil)},
	)
}

func tenItems() []exhibit {
	before := like(4, nil)
	return []exhibit{
		{Name: "open", Item: like(1, nil)},
		{Name: "closed", Item: like(2, func(i *domain.Item) {
			i.State = domain.Closed
			i.Status = "done"
		})},
		{Name: "deleted", Item: like(3, func(i *domain.Item) { i.Deleted = true })},
		{Name: "changed since the last message", Before: &before, Item: like(4, func(i *domain.Item) {
			i.Version = 2
			i.Title = "Doors close while somebody stands in them"
			i.State = domain.Closed
			i.Status = "done"
			i.Labels = []string{"doors", "fixed"}
			i.Description = "The sensor was **replaced**."
		})},
		{Name: "long text", Item: like(5, func(i *domain.Item) {
			i.Title = strings.TrimSpace(strings.Repeat("A title that goes on and on ", 14))
			i.Description = strings.Repeat("The doors close, and open again, and close. Nobody knows why, but everybody has seen it happen once or twice.\n\n", 60)
		})},
		{Name: "code", Item: like(6, func(i *domain.Item) {
			i.Title = "Log of `door.Close()`"
			i.Description = "It says:\n\n```go\nif sensor.Clear() && !person {\n\tdoor.Close() // <-- too early, & twice\n}\n```\n\nand `a && b < c` in the text."
		})},
		{Name: "hostile mentions", Item: like(7, func(i *domain.Item) {
			i.Title = "@everyone <!channel> <@U012AB3CD> <@123456789012345678> <at>all</at>"
			i.Description = "@here @channel @maintenance-team <!here> <!subteam^S012AB3CD> <@&123456789012345678> <#C012AB3CD>\n\n[Log in here](https://evil.example/login) and <https://evil.example|bank.example>\n\n/close ~\"label\" fixes #11 <img src=x onerror=alert(1)> <!-- hidden --> {code}x{code} !http://evil.example/x.png!"
		})},
		{Name: "other scripts", Item: like(8, func(i *domain.Item) {
			i.Title = "הדלתות נסגרות מוקדם מדי — الأبواب تُغلق مبكرًا 🚪👩🏽‍🔧"
			i.Labels = []string{"安全", "دروازه", "überfällig"}
			i.Description = "הדלתות של **קרון 3** נסגרות.\n\n门在有人时关闭。 ドアが閉まる。\n\nA right-to-left override \u202eneddih si txet siht\u202c and z̸̢a̴l̷g̵o̶."
		})},
		{Name: "many labels", Item: like(9, func(i *domain.Item) {
			i.Labels = nil
			for n := range 40 {
				i.Labels = append(i.Labels, fmt.Sprintf("label-%02d", n))
			}
			i.Labels = append(i.Labels, "a label with spaces, and a comma", "sig::doors", "@channel", strings.Repeat("long-", 20))
		})},
		{Name: "no address", Item: like(10, func(i *domain.Item) {
			i.URL = ""
			i.FormattedNumber = ""
			i.Description = ""
		})},
	}
}
