// Reads views that Lantern keeps. usage: read REDIS_URL TOPIC/PARTITION OFFSET
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const patience = 30 * time.Second

type account struct {
	Account string
	Owner   string
	Balance int64
}

// waitFor lets you read your writes: it returns when the projection has applied the event at this offset.
func waitFor(ctx context.Context, client *redis.Client, projection, partition string, offset uint64) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		next, err := client.HGet(ctx, "lantern:checkpoints:"+projection, partition).Uint64()
		if err != nil && !errors.Is(err, redis.Nil) {
			return fmt.Errorf("%s has not applied %s@%d: %w", projection, partition, offset, err)
		}
		if next > offset {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// must keeps this example short.
func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func parse(document string) (parsed account) {
	must(0, json.Unmarshal([]byte(document), &parsed))
	return parsed
}

func main() {
	url, partition, offset := os.Args[1], os.Args[2], must(strconv.ParseUint(os.Args[3], 10, 64))
	ctx, client := context.Background(), redis.NewClient(must(redis.ParseURL(url)))

	// Each projection goes its own way, so each has a checkpoint of its own.
	must(0, waitFor(ctx, client, "balances", partition, offset))
	must(0, waitFor(ctx, client, "leaderboard", partition, offset))

	one := parse(must(client.HGet(ctx, "balances:accounts", "acc-1").Result()))
	fmt.Printf("acc-1: %s has %d\n", one.Owner, one.Balance)

	for _, document := range must(client.HMGet(ctx, "balances:accounts", "acc-2", "acc-3", "no-such-account").Result()) {
		if text, found := document.(string); found {
			fmt.Println(parse(text).Account)
		} else {
			fmt.Println("none")
		}
	}

	totals := must(client.HGetAll(ctx, "balances:totals").Result())
	fmt.Printf("deposited %s, withdrawn %s\n", totals["deposited"], totals["withdrawn"])

	for i, entry := range must(client.ZRevRangeWithScores(ctx, "leaderboard:by-balance", 0, 2).Result()) {
		fmt.Printf("%d. %s %.0f\n", i+1, entry.Member, entry.Score)
	}

	// In one MULTI all views are of the same moment, and of the same generation.
	moment := client.TxPipeline()
	events := moment.HGet(ctx, "balances:totals", "events")
	ignored := moment.HGet(ctx, "balances:totals", "ignored")
	all := moment.HGetAll(ctx, "lantern:checkpoints:balances")
	must(moment.Exec(ctx))
	checkpoint := all.Val()
	fmt.Printf("%d events in generation %s\n", must(events.Int64())+must(ignored.Int64()), checkpoint["generation"])

	// How fresh is that? For each partition: the next offset, and the time of the newest event in milliseconds.
	var partitions []string
	for field := range checkpoint {
		if strings.HasSuffix(field, "/time") {
			partitions = append(partitions, strings.TrimSuffix(field, "/time"))
		}
	}
	sort.Strings(partitions)
	for _, partition := range partitions {
		fmt.Printf("%s is at %s, newest event %s\n", partition, checkpoint[partition], checkpoint[partition+"/time"])
	}
}
