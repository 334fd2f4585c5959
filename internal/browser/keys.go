package browser

import "fmt"

// Key is a key that a person presses.
type Key string

// The keys with which a page can be used without a mouse.
const (
	Tab      Key = "Tab"
	ShiftTab Key = "Shift+Tab"
	Enter    Key = "Enter"
	Space    Key = "Space"
	Down     Key = "ArrowDown"
)

// Press presses and releases a key.
func (p *Page) Press(k Key) error {
	event := object{"key": string(k), "code": string(k)}
	switch k {
	case Tab, ShiftTab:
		event["key"], event["code"], event["windowsVirtualKeyCode"] = "Tab", "Tab", 9
		if k == ShiftTab {
			const shift = 8
			event["modifiers"] = shift
		}
	case Enter:
		event["windowsVirtualKeyCode"], event["text"] = 13, "\r"
	case Space:
		event["key"], event["windowsVirtualKeyCode"], event["text"] = " ", 32, " "
	case Down:
		event["windowsVirtualKeyCode"] = 40
	default:
		return fmt.Errorf("press %q: not a key of this package", k)
	}
	for _, kind := range []string{"keyDown", "keyUp"} {
		event["type"] = kind
		if kind == "keyUp" {
			delete(event, "text")
		}
		if err := p.call("Input.dispatchKeyEvent", event, nil); err != nil {
			return err
		}
	}
	return nil
}

// Type writes text where the focus is.
func (p *Page) Type(text string) error {
	return p.call("Input.insertText", object{"text": text}, nil)
}
