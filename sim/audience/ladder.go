package audience

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/liveorigin/liveorigin/origin"
)

// The ladders that are not a rendition's id (xk6-liveorigin/player, Options.Ladder).
const (
	spread  = "spread"
	lowest  = "lowest"
	highest = "highest"
)

// headroom is the part of its bandwidth up to which an adaptive viewer dares to play. Players keep such a margin below
// what they measure (Jiang, Sekar and Zhang, "FESTIVE", CoNEXT 2012, has one); that it is a fifth is an assumption.
const headroom = 0.8

// tracks sorts an event's renditions: videos by bandwidth, the first audio; places in e.Renditions.
func tracks(e *origin.Event) (videos, sound []int) {
	for i, r := range e.Renditions {
		switch {
		case r.Kind == origin.Video:
			videos = append(videos, i)
		case r.Kind == origin.Audio && sound == nil:
			sound = []int{i}
		}
	}
	slices.SortStableFunc(videos, func(a, b int) int {
		return cmp.Compare(e.Renditions[a].Bandwidth, e.Renditions[b].Bandwidth)
	})
	return videos, sound
}

// ladder lists what viewers play, each a video and the audio: viewer i plays the i-th set, and so on around.
func ladder(e *origin.Event, choice string) ([][]int, error) {
	videos, sound := tracks(e)
	chosen := slices.IndexFunc(e.Renditions, func(r origin.Rendition) bool { return r.ID == choice })
	switch {
	case len(videos)+len(sound) == 0:
		return nil, fmt.Errorf("event %s has neither video nor audio", e.ID)
	case chosen >= 0 && e.Renditions[chosen].Kind == origin.Audio:
		return [][]int{{chosen}}, nil
	case chosen >= 0:
		videos = []int{chosen}
	case choice == lowest:
		videos = videos[:min(1, len(videos))]
	case choice == highest:
		videos = videos[max(0, len(videos)-1):]
	case choice != spread:
		return nil, fmt.Errorf("ladder: event %s has no rendition %q; choose %s, %s, %s, %s",
			e.ID, choice, spread, lowest, highest, strings.Join(ids(e), ", "))
	}
	if len(videos) == 0 {
		return [][]int{sound}, nil
	}
	var sets [][]int
	for _, v := range videos {
		sets = append(sets, append([]int{v}, sound...))
	}
	return sets, nil
}

func ids(e *origin.Event) (ids []string) {
	for _, r := range e.Renditions {
		ids = append(ids, r.ID)
	}
	return ids
}

// rung is what an adaptive viewer plays over a link: the highest video that fits into the headroom, or the lowest.
func rung(e *origin.Event, rate float64) []int {
	videos, sound := tracks(e)
	for len(videos) > 1 && rate > 0 && float64(e.Renditions[videos[len(videos)-1]].Bandwidth) > headroom*rate {
		videos = videos[:len(videos)-1]
	}
	return append(slices.Clone(videos[max(0, len(videos)-1):]), sound...)
}
