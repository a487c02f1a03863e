package scenarios

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/liveorigin/liveorigin/scenarios/strictyaml"
)

// sizes are the units of a number of bytes, the largest first.
var sizes = []struct {
	unit  string
	bytes int
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

const sizePattern = `^[1-9][0-9]*(Gi|Mi|Ki)?B$`

var sizeShape = regexp.MustCompile(`^([1-9][0-9]{0,9})([A-Za-z]*)$`)

// size is a whole number of bytes with its unit, within limits.
func size(into *int, least, most int) value {
	return word{
		says: schema{"type": "string", "pattern": sizePattern},
		parse: func(n *strictyaml.Node) (wrong, meant string) {
			m := sizeShape.FindStringSubmatch(n.Text)
			if m == nil {
				return fmt.Sprintf("%q is not a size; write one like 512KiB or 1MiB", n.Text), ""
			}
			if m[2] == "" {
				return n.Text + " needs a unit", n.Text + "KiB"
			}
			count, _ := strconv.Atoi(m[1]) // ten digits at most
			for _, s := range sizes {
				if s.unit != m[2] {
					continue
				}
				if count > most/s.bytes || count*s.bytes < least {
					return fmt.Sprintf("%s is out of range: %s to %s", n.Text, shortSize(least), shortSize(most)), ""
				}
				*into = count * s.bytes
				return "", ""
			}
			return fmt.Sprintf("%q is not a size; units are B, KiB, MiB and GiB", n.Text), guessSize(m[1], m[2])
		},
	}
}

// guessSize mends a unit that is nearly one: 512kB, 1M.
func guessSize(count, unit string) string {
	switch unit[0] {
	case 'k', 'K':
		return count + "KiB"
	case 'm', 'M':
		return count + "MiB"
	case 'g', 'G':
		return count + "GiB"
	}
	return ""
}

// shortSize writes a size as a scenario would.
func shortSize(bytes int) string {
	for _, s := range sizes {
		if bytes >= s.bytes && bytes%s.bytes == 0 {
			return strconv.Itoa(bytes/s.bytes) + s.unit
		}
	}
	return "0B"
}
