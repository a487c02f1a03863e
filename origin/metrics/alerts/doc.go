// Package alerts tells when alerting rules would have fired over what a run scraped: how long it takes to detect a fault.
//
//	History.Scrape, every few seconds of the event's time  -->  series  -->  Detect: Prometheus's own engine  -->  Firings
//
// It takes Prometheus's word for everything but the state machine between pending and firing: its parser checks the
// rules, its scrape format carries the samples, its engine evaluates the expressions. So a rule that fires here fires
// there, at the same scrape and evaluation intervals.
package alerts
