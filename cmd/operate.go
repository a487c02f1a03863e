package cmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/control"
	"github.com/liveorigin/liveorigin/origin/operator"
	"github.com/liveorigin/liveorigin/origin/secrets"
)

// operateCommands are the verbs of operators.
func operateCommands() []*cobra.Command {
	return []*cobra.Command{eventCommand(), maskCommand(), noticeCommand(), invalidateCommand(), cacheVersionCommand(), redirectCommand()}
}

const operateLong = `

The operator API is at --api, and knows who asks by the secret in --token-file. Over https it has to show a certificate of an
authority that the system knows, or of the one in --ca. What nobody answered is asked again, and still done once. Exit codes: 0 it is so, 1 there was no answer, or the API is out of order, 2 a mistake, or the event does
not allow it.`

// looker is what every verb of operators needs.
type looker struct {
	api, tokenFile string
	trust          trust
	json           bool
}

func (l *looker) register(c *cobra.Command) *cobra.Command {
	c.Long = c.Short + "." + operateLong
	c.Flags().StringVar(&l.api, "api", "http://127.0.0.1:8082", "`URL` of the operator API")
	c.Flags().StringVar(&l.tokenFile, "token-file", "", "`file` with your secret in it, and nothing else")
	l.trust.register(c)
	c.Flags().BoolVar(&l.json, "json", false, "print JSON")
	_ = c.MarkFlagRequired("token-file") // it is there
	return c
}

// doer is what those need besides that change something.
type doer struct {
	looker
	key     string
	version int64
}

func (d *doer) register(c *cobra.Command) *cobra.Command {
	d.looker.register(c)
	c.Flags().StringVar(&d.key, "key", "", "the operation's `name`, with which the whole command can be repeated (default: another each time)")
	c.Flags().Int64Var(&d.version, "if-version", 0, "do it only if the event has this `version`")
	return c
}

// client reads the secret; it is never an argument, for everybody can read those.
func (l *looker) client(c *cobra.Command) (*operator.Client, error) {
	if !strings.HasPrefix(l.api, "http://") && !strings.HasPrefix(l.api, "https://") {
		return nil, fmt.Errorf("--api %s: need http://host:port or https://host:port", l.api)
	}
	secret, err := secrets.ReadToken(l.tokenFile)
	if err != nil {
		return nil, fmt.Errorf("--token-file: %w", err)
	}
	secure, err := l.trust.config(l.api)
	if err != nil {
		return nil, err
	}
	warnInClear(c.ErrOrStderr(), l.api)
	return operator.NewClient(l.api, secret, secure), nil
}

// do does an operation and says what came of it.
func (d *doer) do(c *cobra.Command, event string, change control.Change) error {
	client, err := d.client(c)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, stop := untilSignal()
	defer stop()
	answer, err := client.Do(ctx, control.Operation{ID: d.key, Event: event, If: d.version, Do: change})
	if err != nil {
		return d.fault(err)
	}
	if d.json {
		return printJSON(c.OutOrStdout(), answer)
	}
	word := "is now at"
	if answer.Repeated {
		word = "was so already:"
	}
	fmt.Fprintf(c.OutOrStdout(), "%s %s version %d (%s)\n", event, word, answer.State.Version, answer.Phase)
	for _, u := range answer.Untold {
		fmt.Fprintf(c.ErrOrStderr(), "%s was not told yet, and has to ask by itself: %s\n", u.Name, u.Reason)
	}
	return nil
}

// show looks at an event and prints a part of it, as rows of a table or as JSON.
func (l *looker) show(c *cobra.Command, event string, part func(*operator.Shown) (asJSON any, rows []string)) error {
	client, err := l.client(c)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, stop := untilSignal()
	defer stop()
	shown, err := client.Event(ctx, event)
	if err != nil {
		return l.fault(err)
	}
	asJSON, rows := part(&shown)
	if l.json {
		return printJSON(c.OutOrStdout(), asJSON)
	}
	return printRows(c.OutOrStdout(), rows)
}

// fault tells trouble from mistakes: what the API refuses, it will refuse again.
func (l *looker) fault(err error) error {
	var p *operator.Problem
	if errors.As(err, &p) && p.Status < 500 {
		return err
	}
	return brokeError{l.trust.advise(err)}
}

func printJSON(to io.Writer, v any) error {
	out := json.NewEncoder(to)
	out.SetIndent("", "  ")
	return out.Encode(v)
}

// printRows prints a table; columns are parted by tabs.
func printRows(to io.Writer, rows []string) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, row)
	}
	return w.Flush()
}

// instant reads when something is to be: an instant, in some time from now, or, as the zero time, now.
func instant(text string) (time.Time, error) {
	if text == "now" {
		return time.Time{}, nil
	}
	if after, ok := strings.CutPrefix(text, "+"); ok {
		d, err := time.ParseDuration(after)
		return time.Now().Add(d).UTC().Truncate(time.Millisecond), err
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		err = fmt.Errorf("%q is no time: 2026-11-21T20:00:00Z, +10m (from now) or now", text)
	}
	return t, err
}

// segments are the flags of a range.
type segments struct {
	pipeline, region string
	from, to         int64
}

func (s *segments) register(c *cobra.Command) *cobra.Command {
	c.Flags().StringVar(&s.pipeline, "pipeline", "", "whose segments")
	c.Flags().StringVar(&s.region, "region", "", "in which region (default: all)")
	c.Flags().Int64Var(&s.from, "from", 0, "the first segment's `number`")
	c.Flags().Int64Var(&s.to, "to", 0, "the last segment's `number`")
	for _, name := range []string{"pipeline", "from", "to"} {
		_ = c.MarkFlagRequired(name) // they are there
	}
	return c
}

func (s *segments) mask(id string) origin.Mask {
	return origin.Mask{ID: id, Pipeline: s.pipeline, Region: s.region, From: origin.SegmentNumber(s.from), To: origin.SegmentNumber(s.to)}
}
