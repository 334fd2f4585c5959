package fleet

import "context"

// Checker is a provider that can look whether it could launch crawlers.
type Checker interface {
	// Check looks at each thing that a launch needs, and changes nothing. What is wrong is a
	// Finding; where one thing is missing that all others are asked by, it is the last.
	Check(ctx context.Context) []Finding
}

// Finding is what a look at one thing came to.
type Finding struct {
	Thing string // what was looked at: engine, image, token
	Says  string // what was found, and what that means
	// Fails says that no crawler can be launched so.
	Fails bool
	// Type is what to type; empty where all is well.
	Type string
}
