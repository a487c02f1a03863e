package scenarios

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/liveorigin/liveorigin/scenarios/strictyaml"
)

// rates are the units of bandwidth, the largest first.
var rates = []struct {
	unit string
	bits float64 // a second
}{{"Tbps", 1e12}, {"Gbps", 1e9}, {"Mbps", 1e6}, {"kbps", 1e3}, {"bps", 1}}

const bandwidthPattern = `^[0-9]+(\.[0-9]+)?(T|G|M|k)?bps$`

var bandwidthShape = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?) ?([A-Za-z/]*)$`)

// bandwidth is a number of bits a second with its unit, within limits.
func bandwidth(into *int64, least, most int64) value {
	return word{
		says: schema{"type": "string", "pattern": bandwidthPattern},
		parse: func(n *strictyaml.Node) (wrong, meant string) {
			bits, unit, ok := readBandwidth(n.Text)
			switch {
			case !ok:
				return fmt.Sprintf("%q is not a bandwidth; write one like 10Mbps or 400Gbps", n.Text), ""
			case unit == "":
				return n.Text + " needs a unit", guessBandwidth(bits, least, most)
			case n.Text != strings.ReplaceAll(n.Text, " ", "") || !isRate(unit):
				return fmt.Sprintf("%q is not a bandwidth; units are bps, kbps, Mbps, Gbps and Tbps", n.Text),
					guessUnit(n.Text, unit)
			case bits < float64(least) || bits > float64(most):
				return fmt.Sprintf("%s is out of range: %s to %s", n.Text, shortBandwidth(least), shortBandwidth(most)), ""
			}
			*into = int64(math.Round(bits))
			return "", ""
		},
	}
}

// readBandwidth takes a number and its unit apart; the number is in bit/s where the unit is known.
func readBandwidth(text string) (bits float64, unit string, ok bool) {
	m := bandwidthShape.FindStringSubmatch(text)
	if m == nil {
		return 0, "", false
	}
	bits, err := strconv.ParseFloat(m[1], 64)
	for _, r := range rates {
		if r.unit == m[2] {
			bits *= r.bits
		}
	}
	return bits, m[2], err == nil
}

func isRate(unit string) bool {
	for _, r := range rates {
		if r.unit == unit {
			return true
		}
	}
	return false
}

// guessBandwidth is what a bare number was probably meant to be: bit/s, if that is within the limits, or else Gbps.
func guessBandwidth(n float64, least, most int64) string {
	switch {
	case n >= float64(least) && n <= float64(most):
		return shortBandwidth(int64(n))
	case n*1e9 >= float64(least) && n*1e9 <= float64(most):
		return strconv.FormatFloat(n, 'f', -1, 64) + "Gbps"
	}
	return ""
}

// guessUnit mends a unit that is nearly one: 400 gbps, 400Gb/s, 400Gbit/s.
func guessUnit(text, unit string) string {
	plain := strings.NewReplacer("bit/s", "bps", "b/s", "bps").Replace(strings.ToLower(unit))
	for _, r := range rates {
		if strings.ToLower(r.unit) == plain {
			return strings.TrimSpace(strings.TrimSuffix(text, unit)) + r.unit
		}
	}
	return ""
}

// shortBandwidth writes a bandwidth as a scenario would.
func shortBandwidth(bits int64) string {
	for _, r := range rates {
		if float64(bits) >= r.bits {
			return strconv.FormatFloat(float64(bits)/r.bits, 'f', -1, 64) + r.unit
		}
	}
	return "0bps"
}
