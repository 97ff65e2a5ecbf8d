package mantisbt

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/markup"
)

// Resolve finds the project by its number or its name. MantisBT gives a number
// once and never changes it. It does not tell the API the address it is known
// by ($g_path is no public option, see $g_public_config_names in
// config_defaults_inc.php), so the server is named by the configured address.
func (pl *place) resolve(ctx context.Context) (found connector.Place, other bool, err error) {
	root, me, err := pl.whoami(ctx)
	if err != nil {
		return connector.Place{}, false, connector.OfPlace(err)
	}

	p, err := pl.configured(ctx, root, me)
	if err != nil {
		return connector.Place{}, false, connector.OfPlace(err)
	}

	other = pl.settle(root, int64(p.ID))

	return pl.described(p), other, nil
}

// usePlace makes later calls go to a project by its number. Where the API has its
// address is still asked, since a place does not say.
func (pl *place) use(p connector.Place) (other bool) {
	id := number64(p.ID)
	if id <= 0 {
		return false
	}

	return pl.settle("", id)
}

// settle makes later calls go to a project, and to the API at an address unless
// that is "". It reports whether the project is another one than before.
func (pl *place) settle(root string, id int64) (other bool) {
	pl.mu.Lock()
	defer pl.mu.Unlock()

	other = pl.used != id
	pl.used = id

	if root == "" && pl.known != nil {
		root = pl.known.root
	}

	if root != "" {
		pl.known = &projectRef{root: root, project: id}
	}

	return other
}

// configured is the project that the configuration names. A number is looked
// for in the user's own list first, which was read already.
func (pl *place) configured(ctx context.Context, root string, me user) (named, error) {
	id := number64(pl.client.cfg.Project)
	if id == 0 {
		return pl.projectByName(ctx, root, me)
	}

	if found := byID(me.Projects, id); found != nil {
		return found.named, nil
	}

	found, err := pl.readTarget(ctx, projectRef{root: root, project: id})

	return found.named, err
}

// described is a project as a place.
func (pl *place) described(found named) connector.Place {
	home := strings.TrimSuffix(pl.client.cfg.BaseURL, "/api/rest")
	id := strconv.FormatInt(int64(found.ID), 10)
	page, _ := markup.WebURL(home + "/set_project.php?project_id=" + id)

	return connector.Place{
		Instance: connector.InstanceOf(home),
		ID:       id,
		Name:     pl.client.http.Clean(found.Name),
		URL:      page,
	}
}

// parseProjects reads {"projects": […]}.
func parseProjects(body []byte) ([]project, error) {
	var answer struct {
		Projects []project `json:"projects"`
	}
	err := json.Unmarshal(body, &answer)

	return answer.Projects, err
}

// byID is the project with a number. MantisBT answers a question for one project
// with a list of it and those below it, in no order that is documented
// (recorded: project-with-subproject-updater).
func byID(list []project, id int64) *project {
	for i := range list {
		if int64(list[i].ID) == id && id > 0 {
			return &list[i]
		}
	}
	return nil
}

// byFoldedName is the one project whose name differs from the wanted one in case
// alone, nil where there are several or none. A list names a project below
// another twice.
func byFoldedName(list []project, name string) *project {
	var found *project
	for _, p := range withSubProjects(list) {
		if p.ID <= 0 || !strings.EqualFold(p.Name, name) {
			continue
		}
		if found != nil && found.ID != p.ID {
			return nil
		}

		found = p
	}

	return found
}

// withSubProjects are all projects of a list and those below them.
func withSubProjects(list []project) []*project {
	var all []*project
	for i := range list {
		all = append(all, &list[i])
		all = append(all, withSubProjects(list[i].SubProjects)...)
	}
	return all
}
