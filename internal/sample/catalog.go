package sample

import (
	"fmt"
	"html/template"
	"math/rand/v2"
	"strings"
	"time"
)

// A category of the shop: its name, what it is for, and the six things that it sells, each in
// three makes. Eight categories of eighteen products are the bulk of the site.
type category struct {
	name, purpose string
	things        []string
}

func categories() []category {
	return []category{
		{"Compasses", "to know where you are going", []string{
			"Baseplate Compass",
			"Marching Compass", "Sighting Compass", "Pocket Compass", "Wrist Compass",
			"Mirror Compass",
		}},
		{"Lanterns", "to see when you get there", []string{
			"Storm Lantern", "Candle Lantern",
			"Hand Torch", "Head Lamp", "Signal Lamp", "Table Lamp",
		}},
		{"Notebooks", "to remember that you did", []string{
			"Field Book", "Survey Book",
			"Sketch Book", "Log Book", "Waterproof Pad", "Pencil Roll",
		}},
		{"Packs", "to carry it all", []string{
			"Day Pack", "Frame Pack", "Roll-top Bag",
			"Map Case", "Tool Roll", "Dry Sack",
		}},
		{"Camp Kitchen", "to stay a little longer", []string{
			"Kettle", "Spirit Stove",
			"Enamel Mug", "Frying Pan", "Coffee Mill", "Water Flask",
		}},
		{"Rope and Cord", "to hold on", []string{
			"Climbing Rope", "Guy Line", "Throw Line",
			"Mooring Rope", "Shock Cord", "Whipping Twine",
		}},
		{"Optics", "to look before you go", []string{
			"Monocular", "Binoculars", "Hand Lens",
			"Spotting Scope", "Sextant", "Rangefinder",
		}},
		{"Wool", "to be warm on the way", []string{
			"Watch Cap", "Blanket", "Mittens",
			"Guernsey", "Boot Socks", "Neck Warmer",
		}},
	}
}

func adjectives() []string {
	return []string{
		"Brass", "Alpine", "Northern", "Harbour", "Granite", "Cedar", "Slate",
		"Copper", "Winter", "Coastal", "Meadow", "Quiet", "Amber", "Summit", "River", "Island",
		"Heather", "Lighthouse",
	}
}

func makers() []string {
	return []string{
		"Aasen & Daughters", "Bramble Works", "Corrie Lamp Company", "Dunmore Mills",
		"Eyrie Optical", "Fenwick Cordage", "Garrow Forge", "Holm Paper", "Inver Canvas",
		"Juniper Tin",
	}
}

func guides() []string {
	return []string{
		"Choosing a Compass", "Taking a Bearing", "Setting the Declination",
		"Naïve Navigation", "Reading Contour Lines", "Pacing a Kilometre", "Folding a Map",
		"Trimming a Wick", "Signalling at Night", "Keeping a Log", "Packing a Frame Pack",
		"Lighting a Spirit Stove", "Coiling a Rope", "Four Useful Knots",
		"Measuring with a Sextant", "Washing Wool", "Darning a Sock",
	}
}

func authors() []string {
	return []string{
		"Mira Solheim", "Tomas Brandt", "Ada Kilbride", "Jonas Ekdahl",
		"Nell Carrick", "Iris Waldmann", "Piet van Oort", "Sorcha Blain",
	}
}

func topics() []string {
	return []string{
		"Islands", "Weather", "Repair", "Maps", "Winter", "Rivers", "Craft",
		"Solitude", "Harbours", "Food",
	}
}

func settings() []string {
	return []string{
		"Skerry Point", "the Long Moor", "Cold Harbour", "Glen Arrow",
		"the Salt Marsh", "Raven Fell", "Saint Orran", "the Upper Ferry", "Birch Lake",
		"the Old Signal",
	}
}

func storyForms() []string {
	return []string{
		"Walking to %s", "A Night at %s", "What We Learned at %s",
		"The Weather at %s", "Mending Gear near %s", "Letters from %s",
	}
}

// words makes up everything that a seed decides.
type words struct{ *rand.Rand }

func newWords(seed uint64) words {
	// The second half of the state is arbitrary; it only has to stay the same.
	return words{rand.New(rand.NewPCG(seed, 0x6e6f7274686c6967))}
}

func (w words) pick(from []string) string { return from[w.IntN(len(from))] }

// price is between 4.00 and 240.00, in steps of 50 cents.
func (w words) price() string {
	halves := 8 + w.IntN(473)
	return fmt.Sprintf("€%d.%02d", halves/2, halves%2*50)
}

// date is a day of 2024 or 2025.
func (w words) date() string {
	first := time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)
	return first.AddDate(0, 0, w.IntN(730)).Format(time.DateOnly)
}

// paragraphs is filler that reads, about a subject.
func (w words) paragraphs(n int, subject string) []string {
	openings := []string{
		"We came to %s by accident and stayed on purpose.",
		"There is more to %s than fits in a pocket.",
		"Most people who ask us about %s have been outside that morning.",
		"The first thing to say about %s is that it rewards patience.",
		"Nobody needs a long story about %s, so here is a short one.",
	}
	middles := []string{
		"The light goes early and the kettle goes on earlier.",
		"What looks simple is simple because somebody took the trouble.",
		"We have tried the clever ways, and returned to this one.",
		"It takes ten minutes to learn and a season to trust.",
		"Rain is not the exception here; it is the method.",
		"Write it down, even if you are sure that you will remember.",
	}
	endings := []string{
		"Take your time, and take a spare.",
		"If it breaks, send it back and we shall mend it.",
		"The rest is practice.", "You will know when it is right.",
		"After that there is only the walk home.",
	}
	out := make([]string, n)
	for i := range out {
		m := w.Perm(len(middles))
		out[i] = strings.Join([]string{
			fmt.Sprintf(w.pick(openings), subject),
			middles[m[0]], middles[m[1]], w.pick(endings),
		}, " ")
	}
	return out
}

// art is a small landscape: a sun and three hills.
func (w words) art() template.HTML {
	hue := w.IntN(360)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 240 180" preserveAspectRatio="xMidYMid slice" `+
		`role="img" aria-label="A landscape"><rect width="240" height="180" `+
		`fill="hsl(%d 45%% 90%%)"/><circle cx="%d" cy="%d" r="18" fill="hsl(45 85%% 70%%)"/>`,
		hue, 40+w.IntN(160), 35+w.IntN(30))
	for layer := range 3 {
		base := 90 + 25*layer
		fmt.Fprintf(&b, `<path d="M0 %d Q60 %d 120 %d T240 %d V180 H0 Z" `+
			`fill="hsl(%d 35%% %d%%)"/>`, base+w.IntN(20), base-30+w.IntN(40),
			base+w.IntN(20), base+w.IntN(20), hue, 68-16*layer)
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}

// slug is a name as a path segment: lower case, hyphens, letters outside ASCII kept.
func slug(name string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return strings.ContainsRune(" &,.'", r)
	}), "-")
}
