#!/bin/sh
# Makes the looped media of the ladder: one fragmented MP4 a rendition, 16 s, which package encoders cuts into eight
# segments of 2 s. The files are committed; run this (`make media`) only to change them, and look at the diff of
# `go test ./encoders` afterwards. Takes half a minute.
#
# Made with ffmpeg 5.1.9 (Debian 12), libx264 core 164, from ffmpeg's own test sources. Other versions make other
# bytes, and equally good ones.
set -eu
cd "$(dirname "$0")"

if ! command -v ffmpeg >/dev/null 2>&1; then
	echo "make media: ffmpeg is not installed; the committed files in encoders/media are complete without it" >&2
	exit 2
fi
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT

# run stops an ffmpeg that hangs. All output is bit-exact: no dates, no version strings.
run() {
	timeout 120 ffmpeg -nostdin -hide_banner -v error -y "$@"
}

# video <id> <size> <rate> <profile> <level>: 400 frames at 25 a second, an IDR picture every 50, no B-frames, closed
# groups. x264 alternates idr_pic_id, so that eight groups in a loop never have the same one twice in a row, not even
# where the loop closes (ISO/IEC 14496-10, 7.4.3). One thread: the same bytes on every machine. The SEI with x264's
# settings is removed; what remains of the nominal bitrate is left to filler data.
video() {
	run -f lavfi -i "testsrc2=size=$2:rate=25" -frames:v 400 -an \
		-c:v libx264 -preset slow -threads 1 -profile:v "$4" -level "$5" -pix_fmt yuv420p \
		-b:v "$3" -maxrate "$3" -bufsize "$3" \
		-x264-params "keyint=50:min-keyint=50:scenecut=0:bframes=0:open-gop=0:slices=1:nal-hrd=none" \
		-bsf:v "filter_units=remove_types=6" \
		-video_track_timescale 12800 -map_metadata -1 -fflags +bitexact -flags +bitexact \
		-movflags +empty_moov+default_base_moof+frag_keyframe -f mp4 "$made/$1.mp4"
}

# audio <id> <rate>: 750 frames of 1024 samples at 48 kHz are 16 s exactly. A tone of a whole number of cycles in that
# time, of which the encoder's first 50 frames (priming, and the rate control settling) are dropped, closes on itself.
audio() {
	run -f lavfi -i "sine=frequency=440:sample_rate=48000:duration=17.2" -vn \
		-c:a aac -b:a "$2" -ac 2 \
		-bsf:a "noise=drop=lt(n\,50),setts=ts=N*1024:duration=1024" -frames:a 750 \
		-map_metadata -1 -fflags +bitexact -flags +bitexact \
		-movflags +empty_moov+default_base_moof -frag_duration 2000000 -f mp4 "$made/$1.mp4"
}

video v720 1280x720 600k main 3.1
video v540 960x540 350k main 3.1
video v360 640x360 200k main 3.0
audio a96 96k

total=$(cat "$made"/*.mp4 | wc -c)
if [ "$total" -gt 3000000 ]; then
	echo "make media: $total bytes are too many for a repository; lower a rate" >&2
	exit 1
fi
mv "$made"/*.mp4 .
ls -l ./*.mp4
