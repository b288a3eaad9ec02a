// Package kafka reads Apache Kafka, and what speaks its protocol, such as Azure
// Event Hubs.
//
// A split is a partition of a topic; its position is the offset of the next
// record, and the offset at which the partition is to end, if it is. Where a
// partition begins and ends is decided once, when it is found, and is part of the
// checkpoint: a restart does not ask again. Partitions that appear later are read
// from their first record.
//
//	enumerator (coordinator)                 reader (task)
//	topics ──▶ splits {topic, partition,     fetches of the broker ──▶ decoder ──▶ batch of one partition
//	            offset, end}                  and the offset behind it
//
// Records of aborted transactions are not read.
package kafka
