// Package files keeps the control plane's documents in a directory, for one process at a time.
//
//	DIR/lock            held while somebody has the directory open
//	DIR/demo.json       one document an event, replaced whole: written beside, synced, renamed, directory synced
//	DIR/audit.jsonl     one line an operation, appended and synced, never rewritten
//
// After a crash at any point each document is the one before or the one after; half a line at the end of the audit is
// cut off, and what it should have said is still in its event's document (control.Document.Last).
package files
