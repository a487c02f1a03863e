package cmd

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/control"
	"github.com/liveorigin/liveorigin/origin/operator"
)

func maskCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "mask", Short: "Keep segments of a pipeline from being served",
		Example: `  liveorigin mask add live black --pipeline a --from 1200 --to 1260 --token-file ann.token
  liveorigin mask list live --token-file ann.token
  liveorigin invalidate live black --pipeline a --from 1200 --to 1260 --token-file ann.token    what caches have of it
  liveorigin mask remove live black --token-file ann.token`,
	}
	c.AddCommand(maskAddCommand(), named("remove EVENT ID", "Take a mask away", func(id string) control.Change { return control.Unmask{ID: id} }),
		listOf("list EVENT", "List an event's masks", func(s *origin.State) (any, []string) {
			rows := []string{"MASK\tPIPELINE\tREGION\tFROM\tTO"}
			for _, m := range s.Masks {
				rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%d\t%d", m.ID, m.Pipeline, cmp.Or(m.Region, "all"), m.From, m.To))
			}
			return append([]origin.Mask{}, s.Masks...), rows
		}))
	return c
}

func maskAddCommand() *cobra.Command {
	var d doer
	var r segments
	return r.register(d.register(&cobra.Command{
		Use: "add EVENT ID", Short: "Mask a range; a mask of the same ID is replaced", Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			return d.do(c, args[0], control.Mask{Mask: r.mask(args[1])})
		},
	}))
}

func invalidateCommand() *cobra.Command {
	var d doer
	var r segments
	return r.register(d.register(&cobra.Command{
		Use: "invalidate EVENT ID", Short: "Make caches take segments of a pipeline for expired; they have to be masked first",
		Example: "  liveorigin invalidate live black --pipeline a --from 1200 --to 1260 --region us-east --token-file ann.token",
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			m := r.mask(args[1])
			return d.do(c, args[0], control.Invalidate{Invalidation: origin.Invalidation{ID: m.ID, Pipeline: m.Pipeline, Region: m.Region, From: m.From, To: m.To}})
		},
	}))
}

func noticeCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "notice", Short: "Tell viewers' devices something, with every response",
		Example: `  liveorigin notice add live ad-1 "ad break" --token-file ann.token
  liveorigin notice list live --token-file ann.token
  liveorigin notice withdraw live ad-1 --token-file ann.token`,
	}
	c.AddCommand(noticeAddCommand(), named("withdraw EVENT ID", "Take a notice back", func(id string) control.Change { return control.Withdraw{ID: id} }),
		listOf("list EVENT", "List an event's notices", func(s *origin.State) (any, []string) {
			rows := []string{"NOTICE\tAT\tTEXT"}
			for _, n := range s.Notices {
				rows = append(rows, fmt.Sprintf("%s\t%s\t%s", n.ID, when(n.At), n.Text))
			}
			return append([]origin.Notice{}, s.Notices...), rows
		}))
	return c
}

func noticeAddCommand() *cobra.Command {
	var d doer
	var at string
	c := d.register(&cobra.Command{
		Use: "add EVENT ID TEXT", Short: "Give a notice; one of the same ID is replaced", Args: cobra.ExactArgs(3),
		RunE: func(c *cobra.Command, args []string) error {
			n := origin.Notice{ID: args[1], Text: args[2]}
			var err error
			if n.At, err = instant(at); err != nil {
				return err
			}
			return d.do(c, args[0], control.Notify{Notice: n})
		},
	})
	c.Flags().StringVar(&at, "at", "now", "when what it tells of is: a `time`, +10m from now, or now")
	return c
}

func cacheVersionCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "cache-version", Short: "Make all that is cached of an event unreachable", Example: "  liveorigin cache-version bump live --token-file ann.token",
	}
	c.AddCommand(plain("bump EVENT", "Begin the next cache version", control.BumpCacheVersion{}))
	return c
}

func redirectCommand() *cobra.Command {
	var d doer
	var back bool
	c := d.register(&cobra.Command{
		Use: "redirect EVENT (PIPELINE | --back)", Short: "Prefer a pipeline to all others, in every region",
		Example: `  liveorigin redirect live b --token-file ann.token
  liveorigin redirect live --back --token-file ann.token`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			if back == (len(args) == 2) {
				return errors.New("redirect: name a pipeline, or say --back")
			}
			return d.do(c, args[0], control.Redirect{Pipeline: append(args, "")[1]})
		},
	})
	c.Flags().BoolVar(&back, "back", false, "bring the usual order back")
	return c
}

// named is a verb that says everything with an ID.
func named(use, short string, change func(id string) control.Change) *cobra.Command {
	var d doer
	return d.register(&cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error { return d.do(c, args[0], change(args[1])) },
	})
}

// listOf is a verb that lists a part of an event.
func listOf(use, short string, part func(*origin.State) (any, []string)) *cobra.Command {
	var l looker
	return l.register(&cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return l.show(c, args[0], func(e *operator.Shown) (any, []string) { return part(&e.State) })
		},
	})
}
