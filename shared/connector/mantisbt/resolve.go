package mantisbt

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/markup"
)

// resolve finds the project by its number or its name, and reports whether it is
// another one than before. MantisBT never changes the number of a project. The
// API does not give the address of the server ($g_path is not in
// $g_public_config_names in config_defaults_inc.php), so the server is named by
// the configured address.
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

// use makes later calls go to a project by its number, and reports whether it is
// another one than before. The address of the API is still asked for, since a
// place does not have it.
func (pl *place) use(p connector.Place) (other bool) {
	id := number64(p.ID)
	if id <= 0 {
		return false
	}

	return pl.settle("", id)
}

// settle makes later calls go to a project and, unless it is "", to an address of
// the API.
func (pl *place) settle(root string, id int64) (other bool) {
	pl.mu.Lock()
	defer pl.mu.Unlock()

	other = pl.used != id
	pl.used = id

	if root == "" && pl.known != nil {
		root = pl.known.root
	}

	if root != "" {
		pl.known = &projectRef{root, id}
	}

	return other
}

// configured is the project that the configuration names. A number is first
// looked for in the account's own list, which was read already.
func (pl *place) configured(ctx context.Context, root string, me user) (named, error) {
	id := number64(pl.client.cfg.Project)
	if id == 0 {
		return pl.projectByName(ctx, root, me)
	}

	if found := byID(me.Projects, id); found != nil {
		return found.named, nil
	}

	answer, err := pl.readProject(ctx, projectRef{root, id})
	if err != nil {
		return named{}, err
	}

	list, err := parseProjects(answer.Body)
	found := byID(list, id)
	if err != nil || found == nil {
		return named{}, pl.classifier.unreadable("MantisBT's answer is not the project", answer)
	}

	return found.named, nil
}

// described is a project as a place.
func (pl *place) described(found named) connector.Place {
	home := pl.client.home()
	id := strconv.FormatInt(int64(found.ID), 10)
	page, _ := markup.WebURL(home + "/set_project.php?project_id=" + id)

	return connector.Place{
		Instance: connector.InstanceOf(home),
		ID:       id,
		Name:     pl.classifier.clean(found.Name),
		URL:      page,
	}
}

// A project, with those below it.
type project struct {
	named
	Access      named     `json:"access_level"`
	Categories  []named   `json:"categories"`
	SubProjects []project `json:"subProjects"`
}

// parseProjects reads {"projects": […]}.
func parseProjects(body []byte) ([]project, error) {
	var answer struct {
		Projects []project `json:"projects"`
	}
	err := json.Unmarshal(body, &answer)

	return answer.Projects, err
}

// byID is the project with a number. MantisBT answers a request for one project
// with a list of it and those below it, in no documented order (recorded:
// project-with-subproject-updater).
func byID(list []project, id int64) *project {
	for i := range list {
		if int64(list[i].ID) == id && id > 0 {
			return &list[i]
		}
	}

	return nil
}

// byName looks for a name among projects and those below them. Projects without a
// number do not count.
func byName(list []project, name string) *project {
	for i := range list {
		if list[i].Name == name && list[i].ID > 0 {
			return &list[i]
		}

		if found := byName(list[i].SubProjects, name); found != nil {
			return found
		}
	}

	return nil
}

// byFoldedName is the only project whose name differs from the wanted one just in
// case, nil where there are several or none. A list has a project below another
// one twice.
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
