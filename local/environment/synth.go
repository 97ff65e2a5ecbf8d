package environment

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// synthesis makes the stack's template, unless the one of the last time is
// still right: CDK takes seconds, and nothing in the template that matters
// here depends on the functions' code.
type synthesis struct {
	root    string
	state   *state
	issuer  string
	limits  bool
	sources string // a digest of all that decides the template
}

const templateFile = "template.json"

// cachedTemplate is a template and what it was made from.
type cachedTemplate struct {
	Sources  string          `json:"sources"`
	Template json.RawMessage `json:"template"`
}

func newSynthesis(root string, s *state, issuer string, limits bool) (*synthesis, error) {
	y := &synthesis{root: root, state: s, issuer: issuer, limits: limits}
	var err error
	y.sources, err = y.digest()
	return y, err
}

// cached gives the template of the last time; nil when it is no longer right.
func (y *synthesis) cached() []byte {
	var last cachedTemplate
	y.state.read(templateFile, &last)
	if last.Sources != y.sources {
		return nil
	}
	return last.Template
}

// compile builds the CDK program; the first time this takes a minute.
func (y *synthesis) compile(ctx context.Context) error {
	unlock, err := lockBuild(y.root, "infra")
	if err != nil {
		return err
	}

	defer unlock()
	return command(ctx, y.root, nil, "go", "build", "-buildvcs=false", "-o", y.program(), "./infra")
}

func (y *synthesis) program() string { return filepath.Join(y.root, "build", runtime.GOARCH, "infra") }

// run synthesizes the template. The functions' binaries must be there.
func (y *synthesis) run(ctx context.Context) ([]byte, error) {
	settings, err := json.Marshal(y.context())
	if err != nil {
		return nil, err
	}

	out := y.state.path("cdk.out")
	if err := os.RemoveAll(out); err != nil {
		return nil, err
	}

	env := []string{"CDK_CONTEXT_JSON=" + string(settings), "CDK_OUTDIR=" + out, "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20", "JSII_DEPRECATED=quiet"}
	if err := command(ctx, y.root, env, y.program(), "synth"); err != nil {
		return nil, err
	}

	data, err := os.ReadFile(filepath.Join(out, stackName+".template.json"))
	if err != nil {
		return nil, fmt.Errorf("synthesized template: %w", err)
	}

	return data, y.state.write(templateFile, cachedTemplate{Sources: y.sources, Template: data})
}

// context is what the template is made for. The worker keeps to the providers'
// limits where the fake servers enforce them.
func (y *synthesis) context() map[string]string {
	pacing := "off"
	if y.limits {
		pacing = "published"
	}

	return map[string]string{
		"profile": "local", "stage": stage, "issuer": y.issuer, "audience": Audience, "goarch": runtime.GOARCH, "pacing": pacing,
	}
}

// digest covers the CDK program, its libraries' versions and its context.
func (y *synthesis) digest() (string, error) {
	sum := sha256.New()
	if err := json.NewEncoder(sum).Encode(y.context()); err != nil {
		return "", err
	}

	files := []string{filepath.Join(y.root, "go.mod"), filepath.Join(y.root, "go.sum")}
	sources, err := filepath.Glob(filepath.Join(y.root, "infra", "*.go"))
	if err != nil {
		return "", err
	}

	for _, path := range slices.Concat(files, sources) {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}

		if err := digestFile(sum, path); err != nil {
			return "", fmt.Errorf("digest of the stack's sources: %w", err)
		}
	}

	return hex.EncodeToString(sum.Sum(nil)), nil
}

func digestFile(sum io.Writer, path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}

	_, err = fmt.Fprintf(sum, "%s %d\n%s", filepath.Base(path), len(data), data)
	return err
}
