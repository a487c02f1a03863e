package originserver

import (
	"log/slog"

	"github.com/liveorigin/liveorigin/origin"
)

// logged writes what is worth a history into the log.
type logged struct{ logger *slog.Logger }

// Record implements origin.Recorder.
func (l logged) Record(r origin.Record) {
	if r.Error != "" {
		l.logger.Warn(r.Kind, "region", r.Region, "rendition", r.Rendition, "number", r.Number, "pipeline", r.Pipeline, "error", r.Error)
	}
}
