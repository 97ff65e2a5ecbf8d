package teams

import (
	"fmt"
	"slices"
	"strings"
)

// A kind is what a member's value must be.
type kind int

const (
	anything kind = iota
	words         // a text
	truth         // a boolean
	number
	choice      // one of the values, in any case
	measure     // of a column: auto, stretch, a number or pixels
	elementList // a list of elements
	columnList  // a list of columns
	runList     // a list of text runs
	actionList  // a list of actions
	factList    // a list of facts
	imageList   // a list of images
	click       // one action
)

// A member of an element, as in the vendor's own reader
// (https://www.npmjs.com/package/adaptivecards).
type member struct {
	kind     kind
	since    string // the first version of cards with it
	required bool
	values   []string
}

var (
	spacings   = []string{"none", "small", "default", "medium", "large", "extralarge", "padding"}
	sizes      = []string{"small", "default", "medium", "large", "extralarge"}
	weights    = []string{"lighter", "default", "bolder"}
	tints      = []string{"default", "dark", "light", "accent", "good", "warning", "attention"}
	styles     = []string{"default", "emphasis", "accent", "good", "attention", "warning"}
	alignments = []string{"left", "center", "right"}
	fonts      = []string{"default", "monospace"}
)

// common are the members that every element has.
var common = map[string]member{
	"type": {kind: words, required: true}, "id": {kind: words}, "isVisible": {kind: truth, since: "1.2"}, "requires": {since: "1.2"}, "fallback": {since: "1.2"},
	"separator": {kind: truth}, "height": {kind: choice, since: "1.1", values: []string{"auto", "stretch"}}, "spacing": {kind: choice, values: spacings},
}

// ofText are the members that each text has.
var ofText = map[string]member{
	"text": {kind: words, required: true}, "size": {kind: choice, values: sizes}, "weight": {kind: choice, values: weights}, "color": {kind: choice, values: tints},
	"isSubtle": {kind: truth}, "fontType": {kind: choice, since: "1.2", values: fonts},
}

// ofArea are the members of elements that contain others.
var ofArea = map[string]member{
	"selectAction": {kind: click, since: "1.1"}, "style": {kind: choice, values: styles}, "bleed": {kind: truth, since: "1.2"}, "minHeight": {kind: words, since: "1.2"},
}

func with(own map[string]member, more ...map[string]member) map[string]member {
	all := map[string]member{}
	for _, members := range append(more, own) {
		for name, m := range members {
			all[name] = m
		}
	}

	return all
}

// known are the elements that Teams shows in all its clients, in a card that a
// workflow posts. A Table is blank on phones, Media is not shown, and the values of
// inputs are not sent.
var known = map[string]map[string]member{
	"AdaptiveCard": {
		"type": {kind: words, required: true}, "$schema": {kind: words}, "version": {kind: words, required: true}, "body": {kind: elementList}, "actions": {kind: actionList},
		"fallbackText": {kind: words}, "speak": {kind: words}, "lang": {kind: words}, "minHeight": {kind: words, since: "1.2"}, "selectAction": {kind: click, since: "1.1"},
		"msteams": {},
	},
	"TextBlock": with(map[string]member{
		"wrap": {kind: truth}, "maxLines": {kind: number}, "horizontalAlignment": {kind: choice, values: alignments},
		"style": {kind: choice, since: "1.5", values: []string{"default", "heading"}},
	}, common, ofText),
	"RichTextBlock": with(map[string]member{"inlines": {kind: runList, required: true}, "horizontalAlignment": {kind: choice, values: alignments}}, common),
	"TextRun": with(map[string]member{
		"type": {kind: words, required: true}, "italic": {kind: truth, since: "1.2"}, "strikethrough": {kind: truth, since: "1.2"}, "highlight": {kind: truth, since: "1.2"},
		"underline": {kind: truth, since: "1.3"}, "selectAction": {kind: click, since: "1.1"},
	}, ofText),
	"Container": with(map[string]member{"items": {kind: elementList, required: true}}, common, ofArea),
	"ColumnSet": with(map[string]member{"columns": {kind: columnList}, "horizontalAlignment": {kind: choice, values: alignments}}, common, ofArea),
	"Column":    with(map[string]member{"type": {kind: words}, "items": {kind: elementList}, "width": {kind: measure}}, common, ofArea),
	"ActionSet": with(map[string]member{"actions": {kind: actionList, required: true}}, common),
	"FactSet":   with(map[string]member{"facts": {kind: factList, required: true}}, common),
	"Fact":      {"title": {kind: words, required: true}, "value": {kind: words, required: true}},
	"Image": with(map[string]member{
		"url": {kind: words, required: true}, "altText": {kind: words}, "size": {kind: choice, values: []string{"auto", "stretch", "small", "medium", "large"}},
		"style": {kind: choice, values: []string{"default", "person"}}, "width": {kind: words, since: "1.1"}, "height": {kind: words, since: "1.1"},
		"horizontalAlignment": {kind: choice, values: alignments}, "selectAction": {kind: click, since: "1.1"},
	}, common),
	"ImageSet": with(map[string]member{"images": {kind: imageList, required: true}, "imageSize": {kind: choice, values: []string{"auto", "stretch", "small", "medium", "large"}}}, common),
	"Action.OpenUrl": {
		"type": {kind: words, required: true}, "id": {kind: words}, "title": {kind: words}, "url": {kind: words, required: true}, "iconUrl": {kind: words, since: "1.1"},
		"style": {kind: choice, since: "1.2", values: []string{"default", "positive", "destructive"}}, "fallback": {since: "1.2"}, "requires": {since: "1.2"},
		"mode": {kind: choice, since: "1.5", values: []string{"primary", "secondary"}}, "tooltip": {kind: words, since: "1.5"}, "isEnabled": {kind: truth, since: "1.5"},
	},
}

// since is the first version of cards with an element.
var since = map[string]string{"RichTextBlock": "1.2", "TextRun": "1.2", "ActionSet": "1.2"}

// may are the types that a list can hold.
var may = map[kind][]string{
	elementList: {"TextBlock", "RichTextBlock", "Container", "ColumnSet", "ActionSet", "FactSet", "Image", "ImageSet"},
	columnList:  {"Column"}, runList: {"TextRun"}, actionList: {"Action.OpenUrl"}, click: {"Action.OpenUrl"}, factList: {"Fact"}, imageList: {"Image"},
}

// mostButtons is how many actions of a list Teams shows; the others are behind a
// menu (https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-format).
const mostButtons = 6

// A reader checks a card against the elements and members that the vendor's reader
// supports. That reader ignores others without an error.
type reader struct {
	version string
	ids     map[string]bool
	failed  []string
}

func (r *reader) fail(path, format string, args ...any) {
	r.failed = append(r.failed, path+": "+fmt.Sprintf(format, args...))
}

// card reads a whole card.
func (r *reader) card(card map[string]any) {
	r.version, _ = card["version"].(string)
	r.ids = map[string]bool{}
	r.object("", "AdaptiveCard", card)
	if teams, is := card["msteams"].(map[string]any); is {
		r.teams(teams)
	} else if card["msteams"] != nil {
		r.fail("/msteams", "is no object")
	}
}

// teams reads the member msteams, which only Teams has.
func (r *reader) teams(members map[string]any) {
	for name, value := range members {
		switch text, _ := value.(string); {
		case name == "entities":
			r.fail("/msteams/entities", "mentions somebody")
		case name != "width":
			r.fail("/msteams/"+name, "Teams has no such member")
		case !strings.EqualFold(text, "full"):
			r.fail("/msteams/width", "%v is no width", value)
		}
	}
}

// object reads an element of a type.
func (r *reader) object(path, name string, object map[string]any) {
	if older(r.version, since[name]) {
		r.fail(path, "%s came with version %s", name, since[name])
	}

	if id, is := object["id"].(string); is {
		if r.ids[id] {
			r.fail(path+"/id", "%q is there twice", id)
		}
		r.ids[id] = true
	}

	for member, m := range known[name] {
		if value, there := object[member]; m.required && (!there || value == "") {
			r.fail(path, "%s has no %s", name, member)
		}
	}

	for member, value := range object {
		m, is := known[name][member]
		switch {
		case !is:
			r.fail(path+"/"+member, "%s has no such member", name)
		case older(r.version, m.since):
			r.fail(path+"/"+member, "came with version %s", m.since)
		default:
			r.value(path+"/"+member, m, value)
		}
	}
}

// older compares versions of one digit each.
func older(version, than string) bool { return version < than }

func (r *reader) value(path string, m member, value any) {
	if list := may[m.kind]; list != nil {
		r.list(path, m.kind, value)
		return
	}

	text, isText := value.(string)
	_, isTruth := value.(bool)
	_, isNumber := value.(float64)
	fits := map[kind]bool{
		anything: true, words: isText, truth: isTruth, number: isNumber, choice: isText && slices.Contains(m.values, strings.ToLower(text)),
		measure: isNumber || isText && width(text),
	}
	if !fits[m.kind] {
		r.fail(path, "cannot be %v", value)
	}
}

// width reports whether a text is the width of a column.
func width(text string) bool {
	text = strings.ToLower(text)
	if text == "auto" || text == "stretch" {
		return true
	}

	digits := strings.TrimSuffix(text, "px")
	return digits != "" && strings.Trim(digits, "0123456789") == ""
}

// list reads the elements of a list, or the one action of a click.
func (r *reader) list(path string, of kind, value any) {
	list, is := value.([]any)
	if of == click {
		list = []any{value}
		is = true
	}

	switch {
	case !is:
		r.fail(path, "is no list")
	case len(list) == 0 && of != elementList:
		r.fail(path, "is empty")
	case of == actionList && len(list) > mostButtons:
		r.fail(path, "%d actions, of which Teams shows %d", len(list), mostButtons)
	}

	for i, one := range list {
		r.child(fmt.Sprintf("%s/%d", path, i), of, one)
	}
}

func (r *reader) child(path string, of kind, value any) {
	if text, is := value.(string); is && of == runList {
		if text == "" {
			r.fail(path, "TextRun has no text")
		}
		return
	}

	object, is := value.(map[string]any)
	if !is {
		r.fail(path, "is no object")
		return
	}

	name, _ := object["type"].(string)
	if name == "" && (of == columnList || of == factList || of == imageList) {
		name = may[of][0]
	}

	if !slices.Contains(may[of], name) {
		if !strings.HasPrefix(name, "Action.") { // objectHazards reports them
			r.fail(path, "%q is nothing that Teams shows there in all its clients", name)
		}
		return
	}

	r.object(path, name, object)
}
