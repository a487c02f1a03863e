package originhttp

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/Eyevinn/hls-m3u8/m3u8"

	"github.com/liveorigin/liveorigin/origin"
)

const (
	// playlistVersion is the first that allows EXT-X-MAP beside plain segments (RFC 8216, section 7).
	playlistVersion = 6
	// maxListed bounds a media playlist, whatever the time-shift buffer holds.
	maxListed = 300
	// closedMaxAge is the lifetime of what does not change any more.
	closedMaxAge = time.Minute
	audioGroup   = "audio"
)

// Master writes the event's multivariant playlist (RFC 8216, 4.3.4): one variant for each video rendition, all with the
// audio renditions as one group; without video, one for each audio rendition.
func Master(ev origin.Event) ([]byte, error) {
	if err := checkNames(&ev); err != nil {
		return nil, err
	}
	var audio []*m3u8.Alternative
	var codecs []string
	var bandwidth int
	for _, r := range ev.Renditions {
		if r.Kind != origin.Audio {
			continue
		}
		audio = append(audio, &m3u8.Alternative{
			Type: "AUDIO", GroupId: audioGroup, Name: r.ID, URI: playlistURI(r),
			Default: len(audio) == 0, Autoselect: true,
		})
		bandwidth = max(bandwidth, r.Bandwidth)
		if !slices.Contains(codecs, r.Codecs) {
			codecs = append(codecs, r.Codecs)
		}
	}
	p := m3u8.NewMasterPlaylist()
	p.SetVersion(playlistVersion)
	p.SetIndependentSegments(true)
	for _, r := range ev.Renditions {
		if r.Kind != origin.Video {
			continue
		}
		v := m3u8.VariantParams{
			Bandwidth: uint32(r.Bandwidth + bandwidth), FrameRate: frameRate(r.FrameRate), Alternatives: audio,
			Codecs: strings.Join(append([]string{r.Codecs}, codecs...), ","),
		}
		if r.Width > 0 && r.Height > 0 {
			v.Resolution = fmt.Sprintf("%dx%d", r.Width, r.Height)
		}
		if len(audio) > 0 {
			v.Audio = audioGroup
		}
		p.Append(playlistURI(r), nil, v)
	}
	if len(p.Variants) == 0 {
		for _, r := range ev.Renditions {
			p.Append(playlistURI(r), nil, m3u8.VariantParams{Bandwidth: uint32(r.Bandwidth), Codecs: r.Codecs})
		}
	}
	return p.Encode().Bytes(), nil
}

func playlistURI(r origin.Rendition) string { return r.ID + "/" + string(PlaylistFile) }

// frameRate turns DASH's "30000/1001" into HLS's 29.97; zero, which is left out, for anything else.
func frameRate(s string) float64 {
	over, under, fraction := strings.Cut(s, "/")
	a, errA := strconv.ParseFloat(over, 64)
	b, errB := 1.0, error(nil)
	if fraction {
		b, errB = strconv.ParseFloat(under, 64)
	}
	if errA != nil || errB != nil || !(a > 0) || !(b > 0) || math.IsInf(a/b, 0) {
		return 0
	}
	return a / b
}

// MediaPlaylist writes a rendition's media playlist (RFC 8216, 4.3.3) as of now: the newest segments up to the live
// edge.
//
// It is made from the event alone, like the MPD, so it lists a number also where the pipelines left a hole; a player
// gets 410 there. It is closed when the event's last segment is listed.
func MediaPlaylist(ev origin.Event, rendition string, now time.Time) ([]byte, error) {
	if err := checkNames(&ev); err != nil {
		return nil, err
	}
	if _, ok := ev.Rendition(rendition); !ok {
		return nil, fmt.Errorf("event %s has no rendition %q", ev.ID, rendition)
	}
	first, last := listed(&ev, now)
	p, err := m3u8.NewMediaPlaylist(0, uint(max(1, last-first+1)))
	if err != nil {
		return nil, fmt.Errorf("playlist of %s/%s: %w", ev.ID, rendition, err)
	}
	p.SetVersion(playlistVersion)
	p.SetIndependentSegments(true)
	p.SetTargetDuration(uint(math.Ceil(ev.SegmentDuration.Seconds()))) // the same even with nothing listed
	p.SetDefaultMap(string(HeaderFile), 0, 0)
	p.SeqNo = uint64(first)
	for n := first; n <= last; n++ {
		s := &m3u8.MediaSegment{
			URI:      strconv.FormatInt(int64(n), 10) + string(SegmentFile),
			Duration: ev.SegmentDuration.Seconds(),
		}
		if n == first {
			s.ProgramDateTime = ev.SegmentStart(n).UTC()
		}
		if err := p.AppendSegment(s); err != nil {
			return nil, fmt.Errorf("playlist of %s/%s: %w", ev.ID, rendition, err)
		}
	}
	if last == ev.LastNumber() {
		p.Close()
	}
	return p.Encode().Bytes(), nil
}

// listed is the range of numbers in a playlist; empty, with last = first-1, before the first segment.
//
// A segment that has just left the list must stay available for its own duration and that of the list (RFC 8216,
// 6.2.2), so the list takes no more than half of the time-shift buffer; three segments at least, where there are as
// many.
func listed(ev *origin.Event, now time.Time) (first, last origin.SegmentNumber) {
	last = ev.LiveEdge(now)
	half := int64((ev.TimeShiftBufferDepth - ev.SegmentDuration) / (2 * ev.SegmentDuration))
	first = max(ev.StartNumber, last+1-origin.SegmentNumber(min(maxListed, max(3, half))))
	for first <= last && !now.Before(ev.ExpiresAt(first)) {
		first++
	}
	return first, last
}

// playlistMaxAge is until the playlist changes: the next segment's expected publish.
func playlistMaxAge(ev origin.Event, now time.Time) time.Duration {
	edge := ev.LiveEdge(now)
	if edge == ev.LastNumber() {
		return closedMaxAge
	}
	// Before the start this could be days; an operator may still move the event.
	return min(ev.ExpectedPublish(edge+1).Sub(now), max(ev.SegmentDuration, documentMaxAge))
}
