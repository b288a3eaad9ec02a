package config

// pending are the keys that are not read yet, with what holds instead. Whoever
// builds what they are about moves them to honoured.
var pending = []Key{
	{Name: "execution.checkpointing.unaligned.forced", Type: Bool, Default: "false", Reason: aligned},
	{Name: "execution.checkpointing.unaligned.interruptible-timers.enabled", Type: Bool, Default: "false", Reason: aligned},
	{Name: "execution.checkpointing.unaligned.max-subtasks-per-channel-state-file", Type: Int, Default: "5", Reason: aligned},
	{Name: "execution.checkpointing.unaligned.recover-output-on-downstream.enabled", Type: Bool, Default: "false", Reason: aligned},
}

const (
	aligned = "what a barrier has overtaken goes into one file of each task, and edges on which none may overtake are aligned"
)
