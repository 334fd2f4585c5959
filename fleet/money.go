package fleet

import (
	"cmp"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Money is an exact amount: millionths of a unit of an ISO 4217 currency.
type Money struct {
	Micros   int64  `json:"micros"`
	Currency string `json:"currency"`
}

// String renders the amount with six decimals and the currency.
func (m Money) String() string {
	sign, v := "", m.Micros
	if v < 0 {
		sign, v = "-", -v
	}
	return fmt.Sprintf("%s%d.%06d %s", sign, v/1e6, v%1e6, m.Currency)
}

// Add gives m + o. Different currencies are a defect of the caller and an error;
// a zero Money takes the other's currency.
func (m Money) Add(o Money) (Money, error) {
	switch {
	case m == Money{}:
		return o, nil
	case o == Money{}:
		return m, nil
	case m.Currency != o.Currency:
		return m, Errorf(CodeInternal, "cannot add "+o.Currency+" to "+m.Currency)
	}
	return Money{Micros: m.Micros + o.Micros, Currency: m.Currency}, nil
}

var amountPattern = regexp.MustCompile(`^(\d{1,9})(?:\.(\d{1,6}))? ?([A-Z]{3})$`)

// ParseMoney reads an amount such as "12.50 EUR". It is invalid with more than six
// decimals, and without a currency.
func ParseMoney(s string) (Money, error) {
	m := amountPattern.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return Money{}, fmt.Errorf("%q is not an amount such as 12.50 EUR", clip(s, 40))
	}
	micros, err := strconv.ParseInt(m[1]+(m[2] + "000000")[:6], 10, 64)
	return Money{Micros: micros, Currency: m[3]}, err
}

// check names what is wrong with an amount that a person gave.
func (m Money) check(field string) error {
	if m.Micros <= 0 {
		return Invalid(field+".micros", fmt.Sprintf("is %d", m.Micros), "more than 0, in millionths")
	}
	if !currencyPattern.MatchString(m.Currency) {
		return Invalid(field+".currency", fmt.Sprintf("%q is not a currency", clip(m.Currency, 10)),
			"three capital letters (ISO 4217)")
	}
	return nil
}

var currencyPattern = regexp.MustCompile(`^[A-Z]{3}$`)

// For gives the price of a time at m an hour, rounded down to a micro.
func (m Money) For(d time.Duration) Money {
	v := new(big.Int).Mul(big.NewInt(m.Micros), big.NewInt(int64(d)))
	v.Quo(v, big.NewInt(int64(time.Hour)))
	return Money{Micros: v.Int64(), Currency: m.Currency}
}

// Share splits the amount by the weights so that the parts add up exactly
// (largest remainder, ties to the earlier one). Without a positive weight the
// parts are zero: the caller has to book the amount elsewhere.
func (m Money) Share(weights []int64) []Money {
	parts := make([]Money, len(weights))
	total := new(big.Int)
	for i, w := range weights {
		parts[i].Currency = m.Currency
		total.Add(total, big.NewInt(max(w, 0)))
	}
	if total.Sign() == 0 {
		return parts
	}
	rest := m.Micros
	remainders := make([]*big.Int, len(weights))
	order := make([]int, len(weights))
	for i, w := range weights {
		v := new(big.Int).Mul(big.NewInt(m.Micros), big.NewInt(max(w, 0)))
		q, r := v.QuoRem(v, total, new(big.Int))
		parts[i].Micros, remainders[i], order[i] = q.Int64(), r.Abs(r), i
		rest -= q.Int64()
	}
	slices.SortStableFunc(order, func(a, b int) int { return remainders[b].Cmp(remainders[a]) })
	// What is left is less than the number of remainders that are not zero.
	step := int64(cmp.Compare(rest, 0))
	for _, i := range order {
		if rest == 0 {
			break
		}
		parts[i].Micros += step
		rest -= step
	}
	return parts
}
