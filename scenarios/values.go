package scenarios

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/liveorigin/liveorigin/scenarios/strictyaml"
)

// word is a value that is one piece of text in the file. parse gives what is wrong with it, and what was meant.
type word struct {
	parse func(n *strictyaml.Node) (wrong, meant string)
	says  schema
}

func (w word) schema() schema { return w.says }

func (w word) read(r *reader, path string, n *strictyaml.Node) {
	if !r.is(path, n, strictyaml.Scalar) {
		return
	}
	if wrong, meant := w.parse(n); wrong != "" {
		r.suggest(n.At, path, meant, "%s", wrong)
	}
}

// text is a sentence.
func text(into *string) value {
	return word{
		says: schema{"type": "string", "minLength": 1},
		parse: func(n *strictyaml.Node) (wrong, meant string) {
			*into = strings.TrimSpace(n.Text)
			if *into == "" {
				return "empty text", ""
			}
			return "", ""
		},
	}
}

const namePattern = `^[a-z][a-z0-9-]*$`

var nameShape = regexp.MustCompile(namePattern)

// name is the name that a scenario gives to something, or by which it refers to it.
func name(into *string) value {
	return word{
		says: schema{"type": "string", "pattern": namePattern, "maxLength": 63},
		parse: func(n *strictyaml.Node) (wrong, meant string) {
			*into = n.Text
			return badName(n.Text), ""
		},
	}
}

// badName says why a name cannot be one. The rule is narrower than origin.ValidName: whatever passes here passes there.
func badName(s string) string {
	if !nameShape.MatchString(s) || len(s) > 63 {
		return fmt.Sprintf("%q is not a name: a to z, 0 to 9 and -, beginning with a letter, at most 63", s)
	}
	return ""
}

// reference is the name of something that is looked up later; a plain number will do for one.
func reference(into *string) value {
	return word{
		says: schema{"type": []string{"string", "integer"}},
		parse: func(n *strictyaml.Node) (wrong, meant string) {
			*into = n.Text
			return "", ""
		},
	}
}

// choice is one of a closed set of words.
func choice(into *string, what string, valid []string) value { return choices{into, what, valid} }

type choices struct {
	into  *string
	what  string
	valid []string
}

func (c choices) schema() schema { return schema{"type": "string", "enum": c.valid} }

func (c choices) read(r *reader, path string, n *strictyaml.Node) {
	if !r.is(path, n, strictyaml.Scalar) {
		return
	}
	*c.into = n.Text
	for _, v := range c.valid {
		if v == n.Text {
			return
		}
	}
	r.unknown(path, c.what, n.Text, c.valid)
}

const durationPattern = `^([0-9]+(\.[0-9]+)?(h|m|s|ms|us|µs|ns))+$`

var plainNumber = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)

// duration is a time with its unit, within limits.
func duration(into *time.Duration, least, most time.Duration) value {
	return word{
		says: schema{"type": "string", "pattern": durationPattern},
		parse: func(n *strictyaml.Node) (wrong, meant string) {
			d, err := time.ParseDuration(n.Text)
			switch {
			case plainNumber.MatchString(n.Text):
				return n.Text + " needs a unit", n.Text + "s"
			case err != nil || strings.HasPrefix(n.Text, "+") || strings.HasPrefix(n.Text, "."):
				return fmt.Sprintf("%q is not a time; write one like 300ms, 2s or 1m30s", n.Text), ""
			case d < 0:
				return fmt.Sprintf("%s is negative; times count from the event's start", n.Text), ""
			case d < least || d > most:
				return fmt.Sprintf("%s is out of range: %s to %s", n.Text, short(least), short(most)), ""
			}
			*into = d
			return "", ""
		},
	}
}

// moment is a time of the event, or shortly before its start.
func moment(into *time.Duration) value {
	return word{
		says: schema{"type": "string", "pattern": strings.Replace(durationPattern, "^", "^-?", 1)},
		parse: func(n *strictyaml.Node) (wrong, meant string) {
			if strings.HasPrefix(n.Text, "-") {
				return shift(into, earliest).(word).parse(n)
			}
			return duration(into, 0, day).(word).parse(n)
		},
	}
}

// shift is a time by which something is moved, either way.
func shift(into *time.Duration, most time.Duration) value {
	return word{
		says: schema{"type": "string", "pattern": strings.Replace(durationPattern, "^", "^-?", 1)},
		parse: func(n *strictyaml.Node) (wrong, meant string) {
			forward := *n
			var behind bool
			forward.Text, behind = strings.CutPrefix(n.Text, "-")
			wrong, meant = duration(into, 0, most).(word).parse(&forward)
			if behind {
				*into = -*into
			}
			if behind && meant != "" {
				meant = "-" + meant
			}
			return wrong, meant
		},
	}
}

// short writes a duration as a scenario would: 2m, not 2m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// count is a whole number within limits, in decimal: YAML's older readers take 010 for eight.
func count[T ~int | ~int64](into *T, least, most T) value {
	return word{
		says: schema{"type": "integer", "minimum": least, "maximum": most},
		parse: func(n *strictyaml.Node) (wrong, meant string) {
			if n.Quoted || !strictyaml.WholeNumber.MatchString(n.Text) {
				return fmt.Sprintf("%q is not a whole number", n.Text), ""
			}
			i, err := strconv.ParseInt(n.Text, 10, 64)
			if err != nil || T(i) < least || T(i) > most || int64(T(i)) != i {
				return fmt.Sprintf("%s is out of range: %d to %d", n.Text, least, most), ""
			}
			*into = T(i)
			return "", ""
		},
	}
}

// boolean is true or false; YAML's older readers take many more words for one of them.
func boolean(into *bool) value {
	return word{
		says: schema{"type": "boolean"},
		parse: func(n *strictyaml.Node) (wrong, meant string) {
			if n.Quoted || n.Text != "true" && n.Text != "false" {
				return fmt.Sprintf("%q is neither true nor false", n.Text), ""
			}
			*into = n.Text == "true"
			return "", ""
		},
	}
}

// seed is any 64 bits.
func seed(into *uint64) value {
	return word{
		says: schema{"type": "integer", "minimum": 0, "maximum": uint64(math.MaxUint64)},
		parse: func(n *strictyaml.Node) (wrong, meant string) {
			i, err := strconv.ParseUint(n.Text, 10, 64)
			if n.Quoted || !strictyaml.WholeNumber.MatchString(n.Text) || err != nil {
				return fmt.Sprintf("%q is not a whole number from 0 to 2^64-1", n.Text), ""
			}
			*into = i
			return "", ""
		},
	}
}

// percentile is a number above 0, up to 100.
func percentile(into *float64) value {
	return word{
		says: schema{"type": "number", "exclusiveMinimum": 0, "maximum": 100},
		parse: func(n *strictyaml.Node) (wrong, meant string) {
			if n.Quoted || !plainNumber.MatchString(strings.TrimPrefix(n.Text, "-")) {
				return fmt.Sprintf("%q is not a number", n.Text), ""
			}
			p, err := strconv.ParseFloat(n.Text, 64)
			if err != nil || p <= 0 || p > 100 {
				return n.Text + " is no percentile; they are above 0, up to 100", ""
			}
			*into = p
			return "", ""
		},
	}
}

// share is a part of a whole: 5% or 0.05.
func share(into *float64) value {
	return word{
		says: schema{"anyOf": []schema{
			{"type": "string", "pattern": `^[0-9]+(\.[0-9]+)?%$`},
			{"type": "number", "minimum": 0, "maximum": 1},
		}},
		parse: func(n *strictyaml.Node) (wrong, meant string) {
			number, percent := strings.CutSuffix(n.Text, "%")
			if !plainNumber.MatchString(number) || n.Quoted && !percent {
				return fmt.Sprintf("%q is not a share; write one like 5%% or 0.05", n.Text), ""
			}
			f, err := strconv.ParseFloat(number, 64)
			if percent {
				f /= 100
			}
			switch {
			case err == nil && f > 1 && f <= 100 && !percent:
				return fmt.Sprintf("a share of %s is more than everything", n.Text), n.Text + "%"
			case err != nil || f > 1:
				return fmt.Sprintf("a share of %s is more than everything", n.Text), ""
			}
			*into = f
			return "", ""
		},
	}
}
