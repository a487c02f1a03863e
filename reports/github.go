package reports

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"

	githubactions "github.com/sethvargo/go-githubactions"
)

// GitHub shows ten annotations of a kind for a step and drops the rest without a word; so the worst come first, and the
// last one says how many more there are.
const annotationsMax = 10

// summaryBytesMax is the largest step summary that GitHub takes.
const summaryBytesMax = 1 << 20

type annotation struct {
	message, file string
	line          int
	weight        float64 // how far over the limit
	errs          bool
}

// WriteGitHub annotates the scenario's lines and appends the summary to the step's, when getenv (os.Getenv) says that
// this is a GitHub job. Elsewhere it does nothing.
func (r *Report) WriteGitHub(w io.Writer, getenv func(string) string) error {
	if getenv("GITHUB_ACTIONS") != "true" {
		return nil
	}
	var out bytes.Buffer // go-githubactions panics where a writer fails; a buffer does not
	action := githubactions.New(githubactions.WithWriter(&out), githubactions.WithGetenv(getenv))
	notes := r.annotations()
	shown := notes
	if len(notes) > annotationsMax {
		shown = notes[:annotationsMax-1]
	}
	for _, a := range shown {
		a.issue(action)
	}
	if more := len(notes) - len(shown); more > 0 {
		action.Errorf("%d more; see the step's summary", more)
	}
	if _, err := w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("write annotations: %w", err)
	}
	return r.appendSummary(getenv("GITHUB_STEP_SUMMARY"))
}

func (a annotation) issue(action *githubactions.Action) {
	if a.file != "" {
		action = action.WithFieldsMap(map[string]string{"file": a.file, "line": strconv.Itoa(max(1, a.line))})
	}
	if a.errs {
		action.Errorf("%s", a.message)
	} else {
		action.Warningf("%s", a.message)
	}
}

// annotations lists broken invariants, then missed objectives from the worst on, then what is inconclusive.
func (r *Report) annotations() []annotation {
	var as, open []annotation
	for i := range r.Objectives {
		switch o := &r.Objectives[i]; o.Verdict {
		case Fail:
			as = append(as, annotation{o.Sentence(), o.File, o.Line, o.overLimit(), true})
		case Inconclusive:
			open = append(open, annotation{message: o.Sentence(), file: o.File, line: o.Line})
		}
	}
	slices.SortStableFunc(as, func(a, b annotation) int {
		switch {
		case a.weight > b.weight:
			return -1
		case a.weight < b.weight:
			return 1
		}
		return 0
	})
	var broken []annotation
	for _, i := range r.Invariants {
		if i.Violations > 0 {
			broken = append(broken, annotation{message: fmt.Sprintf("%s: %d", i.Name, i.Violations), errs: true})
		}
	}
	for _, why := range r.Validity {
		open = append(open, annotation{message: why})
	}
	return slices.Concat(broken, as, open)
}

// overLimit compares misses of different units: how often the limit fits into the value. Not recovered at all, or
// anything where nothing is allowed, is far over.
func (r *ObjectiveResult) overLimit() float64 {
	if r.Value == nil {
		return 1e18
	}
	return *r.Value / max(r.Limit, 1e-3)
}

func (r *Report) appendSummary(path string) error {
	if path == "" {
		return nil
	}
	var b bytes.Buffer
	if err := r.WriteMarkdown(&b); err != nil {
		return err
	}
	text := b.Bytes()
	if len(text) > summaryBytesMax {
		text = text[:summaryBytesMax]
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("append to step summary: %w", err)
	}
	_, err = f.Write(text)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("append to step summary: %w", err)
	}
	return nil
}
