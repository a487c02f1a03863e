package cmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/control"
	"github.com/liveorigin/liveorigin/origin/operator"
)

func eventCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "event", Short: "List, create, start, end and remove events",
		Example: `  liveorigin event list --token-file ann.token
  liveorigin event show live --token-file ann.token
  curl -s http://127.0.0.1:8080/live/config | liveorigin event create next --config - --start +10m --token-file ann.token
  liveorigin event start next 2026-11-21T20:15:00Z --token-file ann.token    it is delayed
  liveorigin event end live --token-file ann.token
  liveorigin event list --api https://live.example:8082 --ca ca.pem --token-file ann.token    over TLS, by an authority of your own`,
	}
	c.AddCommand(eventListCommand(), eventShowCommand(), eventCreateCommand(),
		timed("start EVENT TIME", "Move an event's start, until 5 s before it", 2, func(t time.Time) control.Change { return control.Start{At: t} }),
		timed("on-air EVENT [TIME]", "Say when the programme begins; now, if no time is said", 1, func(t time.Time) control.Change { return control.OnAir{At: t} }),
		timed("end EVENT [TIME]", "Say when an event ends; now, if no time is said", 1, func(t time.Time) control.Change { return control.End{At: t} }),
		eventBufferCommand(), plain("remove EVENT", "Take an event away, whatever is still in its time-shift buffer; it cannot be undone", control.Remove{}))
	return c
}

func eventListCommand() *cobra.Command {
	var l looker
	return l.register(&cobra.Command{
		Use: "list", Short: "List all events", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := l.client(c)
			if err != nil {
				return err
			}
			defer client.Close()
			ctx, stop := untilSignal()
			defer stop()
			events, err := client.Events(ctx)
			if err != nil {
				return l.fault(err)
			}
			if l.json {
				return printJSON(c.OutOrStdout(), operator.Events{Events: events})
			}
			rows := []string{"EVENT\tPHASE\tSTART\tEND\tVERSION\tMASKS\tNOTICES"}
			for _, e := range events {
				s := &e.State
				rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%s\t%d\t%d\t%d", s.ID, e.Phase, when(s.AvailabilityStartTime), when(s.End), s.Version, len(s.Masks), len(s.Notices)))
			}
			return printRows(c.OutOrStdout(), rows)
		},
	})
}

func eventShowCommand() *cobra.Command {
	var l looker
	return l.register(&cobra.Command{
		Use: "show EVENT", Short: "Show one event", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return l.show(c, args[0], func(e *operator.Shown) (any, []string) {
				s := &e.State
				return e, []string{
					"event\t" + s.ID, "phase\t" + string(e.Phase), "start\t" + when(s.AvailabilityStartTime), "on air\t" + when(s.OnAir), "end\t" + when(s.End),
					"time-shift buffer\t" + s.TimeShiftBufferDepth.String(), fmt.Sprintf("pipelines\t%v", s.Order("")), "redirected to\t" + s.Redirect,
					fmt.Sprintf("version\t%d", s.Version), fmt.Sprintf("cache version\t%d", s.CacheVersion),
					fmt.Sprintf("masks\t%d", len(s.Masks)), fmt.Sprintf("invalidations\t%d", len(s.Invalidations)), fmt.Sprintf("notices\t%d", len(s.Notices)),
				}
			})
		},
	})
}

func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

func eventCreateCommand() *cobra.Command {
	var d doer
	var file, start, onAir string
	c := d.register(&cobra.Command{
		Use: "create EVENT --config FILE", Short: "Create an event", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ev, err := readConfiguration(c.InOrStdin(), file, args[0], start)
			if err != nil {
				return err
			}
			create := control.Create{Event: ev}
			if onAir != "" {
				if create.OnAir, err = instant(onAir); err != nil {
					return err
				}
				if create.OnAir.IsZero() {
					return errors.New("--on-air now: say when, or leave it out and say so when it is")
				}
			}
			return d.do(c, args[0], create)
		},
	})
	c.Long = "Create an event, of a configuration as origins tell it at /{event}/config; its id, and its start if --start is there, are\nthose of the command line, and with another start an end in it is left out." + operateLong
	c.Flags().StringVar(&file, "config", "", "the configuration's `file`, - for what comes in")
	c.Flags().StringVar(&start, "start", "", "the event's start: a `time`, +10m from now, or now (default: the configuration's)")
	c.Flags().StringVar(&onAir, "on-air", "", "when the programme begins: a `time`, or +10m from now (default: with the event)")
	_ = c.MarkFlagRequired("config") // it is there
	return c
}

// ofAnother are the members of /{event}/config that tell of what was done to that event.
var ofAnother = []string{"version", "cache_version", "phase", "on_air_time", "removed", "invalidations", "notices"}

// readConfiguration makes an event of the configuration of one; what is in it besides has to make sense.
func readConfiguration(stdin io.Reader, file, id, start string) (origin.Event, error) {
	from := stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return origin.Event{}, err
		}
		defer f.Close()
		from = f
	}
	var members map[string]any
	if err := json.NewDecoder(io.LimitReader(from, 1<<20)).Decode(&members); err != nil || members == nil {
		return origin.Event{}, fmt.Errorf("--config %s: not the configuration of an event: %w", file, err)
	}
	for _, name := range ofAnother {
		delete(members, name)
	}
	members["id"] = id
	if start != "" {
		t, err := instant(start)
		if err != nil {
			return origin.Event{}, err
		}
		if t.IsZero() {
			t = time.Now().UTC().Truncate(time.Millisecond)
		}
		members["availability_start_time"] = t
		delete(members, "end_time")
	}
	text, err := json.Marshal(map[string]any{"event": members, "version": 1})
	if err != nil {
		return origin.Event{}, err
	}
	var s origin.State // which is read strictly
	if err := json.Unmarshal(text, &s); err != nil {
		return origin.Event{}, fmt.Errorf("--config %s: %w", file, err)
	}
	return s.Event, nil
}

func eventBufferCommand() *cobra.Command {
	var d doer
	return d.register(&cobra.Command{
		Use: "time-shift-buffer EVENT DURATION", Short: "Say for how long segments can be asked for", Example: "  liveorigin event time-shift-buffer live 2h --token-file ann.token",
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			depth, err := time.ParseDuration(args[1])
			if err != nil {
				return err
			}
			return d.do(c, args[0], control.TimeShiftBuffer{Depth: depth})
		},
	})
}

// timed is a verb with a time; with needed 1 it may be left out.
func timed(use, short string, needed int, change func(time.Time) control.Change) *cobra.Command {
	var d doer
	return d.register(&cobra.Command{
		Use: use, Short: short, Args: cobra.RangeArgs(needed, 2),
		RunE: func(c *cobra.Command, args []string) error {
			at := time.Time{}
			if len(args) == 2 {
				var err error
				if at, err = instant(args[1]); err != nil {
					return err
				}
				if needed == 2 && at.IsZero() {
					at = time.Now().Add(time.Second).UTC().Truncate(time.Millisecond) // as soon as it can be known everywhere
				}
			}
			return d.do(c, args[0], change(at))
		},
	})
}

// plain is a verb that says everything.
func plain(use, short string, change control.Change) *cobra.Command {
	var d doer
	return d.register(&cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return d.do(c, args[0], change) },
	})
}
