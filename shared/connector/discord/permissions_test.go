package discord

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
)

// What Discord documents of permissions, case by case
// (https://discord.com/developers/docs/topics/permissions#permission-overwrites).
func TestPermissions(t *testing.T) {
	const guild, bot, first, second, other = "1", "2", "3", "4", "5"
	const write, all = viewChannel | sendMessages | embedLinks, viewChannel | sendMessages | embedLinks | readHistory
	everyone := func(p int64) guildRole { return guildRole{ID: guild, Permissions: bits(p)} }
	role := func(id string, p int64) guildRole { return guildRole{ID: id, Permissions: bits(p)} }
	over := func(id string, kind int, allow, deny int64) overwrite {
		return overwrite{ID: id, Type: kind, Allow: bits(allow), Deny: bits(deny)}
	}
	later := time.Date(2026, 11, 23, 11, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		roles      []guildRole
		own        []string
		until      time.Time
		overwrites []overwrite
		want       int64
	}{
		"what everyone may":                      {[]guildRole{everyone(all)}, nil, time.Time{}, nil, all},
		"a role adds":                            {[]guildRole{everyone(viewChannel), role(first, sendMessages)}, []string{first}, time.Time{}, nil, viewChannel | sendMessages},
		"a role of others does not":              {[]guildRole{everyone(viewChannel), role(other, sendMessages)}, []string{first}, time.Time{}, nil, viewChannel},
		"an administrator may all":               {[]guildRole{everyone(0), role(first, administrator)}, []string{first}, time.Time{}, []overwrite{over(guild, 0, 0, all), over(bot, 1, 0, all)}, allPermissions},
		"everyone is denied":                     {[]guildRole{everyone(all)}, nil, time.Time{}, []overwrite{over(guild, 0, 0, sendMessages)}, all &^ sendMessages},
		"a role is allowed again":                {[]guildRole{everyone(all), role(first, 0)}, []string{first}, time.Time{}, []overwrite{over(guild, 0, 0, all), over(first, 0, write, 0)}, write},
		"an allow of one role beats a deny":      {[]guildRole{everyone(all)}, []string{first, second}, time.Time{}, []overwrite{over(first, 0, 0, sendMessages), over(second, 0, sendMessages, 0)}, all},
		"whatever the order":                     {[]guildRole{everyone(all)}, []string{first, second}, time.Time{}, []overwrite{over(second, 0, sendMessages, 0), over(first, 0, 0, sendMessages)}, all},
		"the bot is denied in spite of its role": {[]guildRole{everyone(all)}, []string{first}, time.Time{}, []overwrite{over(bot, 1, 0, embedLinks), over(first, 0, embedLinks, 0)}, all &^ embedLinks},
		"the bot is allowed in spite of all":     {[]guildRole{everyone(0)}, []string{first}, time.Time{}, []overwrite{over(guild, 0, 0, all), over(first, 0, 0, all), over(bot, 1, all, 0)}, all},
		"others' overwrites":                     {[]guildRole{everyone(all)}, []string{first}, time.Time{}, []overwrite{over(other, 0, 0, all), over(other, 1, 0, all)}, all},
		"a role's id as a member's":              {[]guildRole{everyone(all)}, []string{first}, time.Time{}, []overwrite{over(first, 1, 0, all), over(bot, 0, 0, all)}, all},
		"who does not see may nothing":           {[]guildRole{everyone(all)}, nil, time.Time{}, []overwrite{over(guild, 0, 0, viewChannel)}, 0},
		"a time-out":                             {[]guildRole{everyone(all)}, nil, later, nil, viewChannel | readHistory},
		"a time-out that is over":                {[]guildRole{everyone(all)}, nil, later.Add(-2 * time.Hour), nil, all},
	} {
		s := standing{guild: guild, bot: bot, member: guildMember{Roles: tt.own, Until: tt.until}, roles: tt.roles, overwrites: tt.overwrites}
		if got := s.permissions(now); got != tt.want {
			t.Errorf("%s: %b, want %b", name, got, tt.want)
		}
	}
}

// The check says which permission is missing, of a thread by its channel's.
func TestCheckComputesPermissions(t *testing.T) {
	const guild, bot, parent = "110", "120", "130"
	const everyone = viewChannel | sendMessages | embedLinks | readHistory | sendInThreads
	deny := func(bit int64) string {
		return fmt.Sprintf(`[{"id":"%s","type":1,"allow":"0","deny":"%d"}]`, bot, bit)
	}
	for name, tt := range map[string]struct {
		kind            int
		own, ofParent   string
		member, roles   string
		want, detail    string
		withoutChannels bool
	}{
		"all is well":              {kind: 0, own: `[]`, want: "write=ok history=ok"},
		"no Send Messages":         {kind: 0, own: deny(sendMessages), want: "write=no(write_not_allowed) history=ok", detail: "Send Messages"},
		"no Embed Links":           {kind: 0, own: deny(embedLinks), want: "write=no(write_not_allowed) history=ok", detail: "Embed Links"},
		"no history":               {kind: 0, own: deny(readHistory), want: "write=ok history=no(history_not_allowed)", detail: "Read Message History"},
		"threads do not matter":    {kind: 0, own: deny(sendInThreads), want: "write=ok history=ok"},
		"a thread":                 {kind: 11, ofParent: deny(sendMessages), want: "write=ok history=ok"},
		"a thread, not allowed":    {kind: 11, ofParent: deny(sendInThreads), want: "write=no(write_not_allowed) history=ok", detail: "Send Messages in Threads"},
		"an announcement's thread": {kind: 10, ofParent: deny(readHistory), want: "write=ok history=no(history_not_allowed)", detail: "Read Message History"},
		"the member is not told":   {kind: 0, own: `[]`, member: `403 {"code":50001}`, want: "write=?(only_by_posting) history=ok"},
		"the roles are not told":   {kind: 0, own: `[]`, roles: `500 x`, want: "write=?(only_by_posting) history=ok"},
		"no role of everyone":      {kind: 0, own: `[]`, roles: `200 []`, want: "write=?(only_by_posting) history=ok"},
		"bits that are none":       {kind: 0, own: `[]`, roles: `200 [{"id":"110","permissions":"x"}]`, want: "write=?(only_by_posting) history=ok"},
		"a thread without parent":  {kind: 11, want: "write=?(only_by_posting) history=ok", withoutChannels: true},
	} {
		f, b := startBot(t, false)
		at := "GET /channels/" + channelID
		own := ""
		if tt.own != "" {
			own = `,"permission_overwrites":` + tt.own
		}

		if tt.kind >= 10 && !tt.withoutChannels {
			own = `,"parent_id":"` + parent + `"`
		}

		member := `200 {"roles":[],"communication_disabled_until":null}`
		roles := fmt.Sprintf(`200 [{"id":"%s","permissions":"%d"}]`, guild, int64(everyone))
		if tt.member != "" {
			member = tt.member
		}

		if tt.roles != "" {
			roles = tt.roles
		}

		f.routes(map[string]string{
			"GET /users/@me": `200 {"id":"` + bot + `"}`, at: fmt.Sprintf(`200 {"id":"2","type":%d,"guild_id":"%s"%s}`, tt.kind, guild, own),
			at + "/messages": `200 [` + posted1 + `]`, "GET /channels/" + parent: `200 {"id":"130","type":0,"permission_overwrites":` + tt.ofParent + `}`,
			"GET /guilds/" + guild + "/members/" + bot: member, "GET /guilds/" + guild + "/roles": roles,
		})

		checks, err := b.Check(t.Context())
		if got := said(checks); err != nil || got != "reachable=ok credentials=ok target=ok "+tt.want {
			t.Errorf("%s: %s %v", name, got, err)
		}

		detail := ""
		for _, one := range checks {
			if one.Detail != nil {
				detail += *one.Detail
			}
		}

		if tt.detail != "" && detail != "The bot lacks "+tt.detail+" in the channel." || tt.detail == "" && strings.Contains(detail, "lacks") {
			t.Errorf("%s: %q", name, detail)
		}
	}
}

func TestThePageShowsWhatIsNeeded(t *testing.T) {
	connectortest.DocumentsNeeds(t, "discord", Needs)
}

// Whatever permissions and overwrites a server gives, what is not granted by any
// of them is not allowed.
func FuzzPermissions(f *testing.F) {
	f.Add(int64(0), int64(1<<10), int64(0), int64(1<<11), int64(1<<10))
	f.Add(int64(1<<3), int64(0), int64(-1), int64(0), int64(-1))
	f.Fuzz(func(t *testing.T, everyone, roleAllow, roleDeny, ownAllow, ownDeny int64) {
		s := standing{
			guild: "1", bot: "2", member: guildMember{Roles: []string{"3"}}, roles: []guildRole{{ID: "1", Permissions: bits(everyone)}},
			overwrites: []overwrite{{ID: "3", Allow: bits(roleAllow), Deny: bits(roleDeny)}, {ID: "2", Type: 1, Allow: bits(ownAllow), Deny: bits(ownDeny)}},
		}
		got := s.permissions(now)
		if everyone&administrator == 0 && got&^(everyone|roleAllow|ownAllow) != 0 {
			t.Errorf("%b is allowed by nothing", got)
		}

		if check := grants(checkWrite, "x", got, viewChannel|sendMessages); check.Holds() && got&sendMessages == 0 {
			t.Error("a missing permission passes")
		}
	})
}

var _ connector.Checker = (*Bot)(nil)
