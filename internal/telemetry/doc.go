// Package telemetry makes what a program tells of itself: its zap logger, the same
// logger for the Temporal SDK, and the HTTP handler of /livez, /readyz and /metrics.
//
// Metrics never carry a tenant, a ticket or a GUID as label: their number has no
// bound. Who asks about one of them reads the store. Every program uses this package.
package telemetry
