package main

import (
	"fmt"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// judgeBill wants a final bill whose total, and the amount in the ticket's row, are the
// sum of its ledger lines.
func judgeBill(b fleet.Bill, row fleet.Money) []finding {
	sum, err := sumLines(b.Lines)
	var out []finding
	name := string(b.Ticket)
	switch {
	case err != nil:
		return []finding{{name + ": one currency", err.Error()}}
	case len(b.Lines) == 0:
		return []finding{{name + ": lines in the ledger", "none"}}
	case !b.Final:
		out = append(out, finding{name + ": a final bill, its crawlers are gone", "one that is still open"})
	}
	if sum != b.Total || sum != row {
		out = append(out, finding{
			fmt.Sprintf("%s: bill and ticket's row are the sum of the ledger, %s", name, sum),
			fmt.Sprintf("bill %s, row %s", b.Total, row),
		})
	}
	return out
}

// judgeTotal wants the account's costs to be the bills of its tickets and the crawlers
// that served none, to the micro.
func judgeTotal(costs []fleet.Bill, tenant fleet.TenantID, bills []fleet.Bill) []finding {
	var want, saw fleet.Money
	var err error
	for _, b := range bills {
		if want, err = want.Add(b.Total); err != nil {
			return []finding{{"one currency", err.Error()}}
		}
	}
	for _, c := range costs {
		if c.Tenant == tenant {
			if saw, err = saw.Add(c.Total); err != nil {
				return []finding{{"one currency", err.Error()}}
			}
		}
	}
	if want != saw {
		return []finding{{fmt.Sprintf("the account's costs: %s, the sum of its bills", want), saw.String()}}
	}
	return nil
}

func sumLines(lines []fleet.LedgerLine) (sum fleet.Money, err error) {
	for _, l := range lines {
		if sum, err = sum.Add(l.Amount); err != nil {
			return sum, err
		}
	}
	return sum, nil
}
