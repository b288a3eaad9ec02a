// Package cost says what jobs cost. Usage is what was used, Prices what that
// costs, and Predict what a job will use, and cost, in each gear:
//
//	accounting   Usage ──────────────► Prices.Of ─► Bill
//	prediction   Plan, Load ─► Predict ─► Usage of an hour ─► Bill, for each gear
//
// Everything is a pure function of plain data: the same table of prices and the
// same words serve what has happened and what will. Amounts are US dollars.
package cost
