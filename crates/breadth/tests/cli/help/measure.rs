//! Help of the commands that read tables and logs.

use insta::assert_snapshot;

use super::help;

#[test]
fn reach() {
    assert_snapshot!(help(&["reach", "--help"]), @r"
    What k samples find for certain: reach, likelihood quantiles, and the prompts within a budget

    Usage: breadth reach [OPTIONS] <TABLE>...

    Arguments:
      <TABLE>...  Parquet, JSON Lines (.gz, .zst) or CSV, or other tools' logs (see import); files,
                  globs, folders, a run folder; `-` is JSON Lines on stdin

    Options:
          --intersect
              Keep the rows that every model has, instead of refusing tables with holes
          --group-weights <GROUP=WEIGHT,..>
              What each group of prompts (column `group`) counts in the population; rows are weighted to
              that, and limits are those of samples within groups
          --columns <OURS=THEIRS,..>
              Columns that the tables call otherwise, such as reward=score,prompt_id=question_id; which
              columns there are: docs/tables.md
          --reward <NAME>
              Of logs with several metrics, scores or reward columns: the one that is the reward; of
              NAME,NAME the first that a log has [alias: --metric]
          --filter <NAME>
              Of lm-evaluation-harness logs with several filters: the one whose metrics count
          --reward-map <MAP>
              Of logs whose rewards are not in [0, 1]: what counts as right ('>0', '>=1', '==1', '<0'),
              or the range that becomes [0, 1] ('min=-1,max=1')
      -k <K,..>
              Numbers of samples, however large; `..` continues the progression, to 1024 or to the
              number after it [default: 1,4,16,..]
          --budget <N>
              The samples that a prompt may cost: it is within reach if a sample is right with
              probability 1/N [default: 64]
      -r, --reference <R>
              A model that is left out: the teacher, or the exact law; a run folder names its own
          --confidence <P>
              Confidence of the intervals [default: 0.95]
      -h, --help
              Print help

    Common options:
          --json                      Print one JSON document and nothing else on stdout
          --threads <T>               Use this many threads [default: one per core]; results do not
                                      depend on it
          --max-record-bytes <BYTES>  Longest record of an input that is read: a line, a text, the
                                      member of an archive [default: 32 MiB, or
                                      BREADTH_MAX_RECORD_BYTES]
      -q, --quiet                     Say nothing on stderr unless something is wrong

    Examples:
      # which checkpoint finds the held-out responses with the fewest samples? No
      # sampling, any k
      breadth reach scores.parquet

      # the teacher's own scores left out, and a k that nobody could sample
      breadth reach scores/ --reference teacher -k 16,1e6

      # with graded samples: which prompts are within reach of 64 samples, which are
      # not, which nobody knows
      breadth reach scores.parquet samples.parquet --budget 64

      # what a run left behind, as JSON: reach at 16, and ln Q(0.1), of which
      # reinforcement learning needs about 1/Q queries
      breadth reach runs/demo -k 16 --json | jq \
        '.models[] | [.model, .reach[0].value, .quantiles[2].log_q]'

    The rows of the score table are right responses; a prompt may have several. Reach at k is 1 - (1 -
    q)^k, averaged over prompts, where q is the probability that the model gives a prompt's right
    responses together. It is at most Pass@k for every verifier that accepts them, and Pass@k itself
    where they are all the right ones.
    ");
}

#[test]
fn select() {
    assert_snapshot!(help(&["select", "--help"]), @r"
    Select the checkpoint that covers the data best: the tournament over all models

    Usage: breadth select [OPTIONS] <TABLE>...

    Arguments:
      <TABLE>...
              Parquet, JSON Lines (.gz, .zst) or CSV, or other tools' logs (see import); files, globs,
              folders, a run folder; `-` is JSON Lines on stdin

    Options:
          --intersect
              Keep the rows that every model has, instead of refusing tables with holes

          --group-weights <GROUP=WEIGHT,..>
              What each group of prompts (column `group`) counts in the population; rows are weighted to
              that, and limits are those of samples within groups

          --columns <OURS=THEIRS,..>
              Columns that the tables call otherwise, such as reward=score,prompt_id=question_id; which
              columns there are: docs/tables.md

          --reward <NAME>
              Of logs with several metrics, scores or reward columns: the one that is the reward; of
              NAME,NAME the first that a log has
              
              [alias: --metric]

          --filter <NAME>
              Of lm-evaluation-harness logs with several filters: the one whose metrics count

          --reward-map <MAP>
              Of logs whose rewards are not in [0, 1]: what counts as right ('>0', '>=1', '==1', '<0'),
              or the range that becomes [0, 1] ('min=-1,max=1')

      -n <N>
              The level N >= 1: a response is missed where a rival gives N times the probability
              [default: 4]

          --log-n <NATS>
              The level as log N in nats, for long responses

          --best-of <K>
              The number K of samples that you will draw: N = K/2

          --rule <RULE>
              How to choose, in place of the verdict over all evidence [default: the verdict, beside the
              tournament]

              Possible values:
              - tournament:    The smallest share of responses that some rival gives N times the
                probability (Eq 28-29)
              - offset:        The tournament less 2 N^a times what a rival gains on the model's own
                samples (Eq 32)
              - reach:         The largest reach_k: how often k samples contain the held-out response
                itself (k = 2N)
              - cross-entropy: The lowest cross-entropy, which is the lowest validation loss: to compare
                with

          --require <STATE>
              Exit with status 3 if the verdict is less than this
              
              [possible values: certain, likely]

          --a <A>
              The a of `--rule offset`, in [0, 1]: some model is assumed within a factor N^a of the
              truth [default: the largest with N^(1-2a) >= 8]

          --landscape
              Also show the tournament's choice along log N: where it separates, where it ties, where it
              changes

          --race
              Score batch by batch and leave models as soon as they cannot win: says how many scores
              were needed

          --answers
              Compare final answers instead of responses, from samples: how often each model gives the
              right answer, or with --reference the answers of that model's samples

          --seed <SEED>
              Seed of the order of rows in a race
              
              [default: 0]

      -r, --reference <R>
              A model that is no candidate: the teacher, or the exact law; a run folder names its own

          --against <BASE>
              Rank by coverage against this fixed model: the share of responses to which it gives N
              times the probability. As no other checkpoint enters, it can stand in a series
              (metric_for_best_model). The model is no candidate then

          --trainer-state <PATH>
              Also the validation loss of every checkpoint, from Hugging Face's trainer_state.json or a
              folder with one; models are matched by the step that ends their names

          --loss <NAME>
              With --trainer-state of a run with several evaluation sets: whose loss is meant
              (eval_math_loss, or math)

          --confidence <P>
              Confidence of the intervals and of the set that is not excluded
              
              [default: 0.95]

      -h, --help
              Print help (see a summary with '-h')

    Common options:
          --json
              Print one JSON document and nothing else on stdout

          --threads <T>
              Use this many threads [default: one per core]; results do not depend on it

          --max-record-bytes <BYTES>
              Longest record of an input that is read: a line, a text, the member of an archive
              [default: 32 MiB, or BREADTH_MAX_RECORD_BYTES]

      -q, --quiet
              Say nothing on stderr unless something is wrong

    Examples:
      # the checkpoint for Best-of-16 or Pass@16 (the tournament at N = 8)
      breadth select scores.parquet --best-of 16

      # with graded samples of the checkpoints: they decide; a script stops (status
      # 3) unless that is certain
      breadth select scores.parquet samples.parquet --best-of 16 --require certain

      # graded samples alone, such as evaluation logs
      breadth select validation/ --best-of 16

      # a folder of tables, the teacher's own scores left out, only the name of what
      # to take (null where nothing is)
      breadth select scores/ --reference teacher --json | jq -r .verdict.take

      # what a run left behind
      breadth select runs/demo

      # the offset rule: beside the data rows it needs rows whose source is each
      # model, scored by all of them
      breadth select scores.parquet --rule offset --best-of 64

      # how few forward passes would have been enough
      breadth select scores.parquet --best-of 16 --race

      # long responses: what Best-of-N needs is the answer, so compare how often
      # each model gives the right one
      breadth select samples.parquet --answers --best-of 64

      # long responses differ by many nats: see where the choice separates, then
      # take such an N, here e^30
      breadth select scores.parquet --landscape
      breadth select scores.parquet --log-n 30

    The verdict weighs all evidence. Graded samples, at least K a prompt, decide by Pass@K. Without them
    the tournament and reach have to say the same, with few prompts that have several right responses,
    or reach has to be so near 100% that no other candidate can be much better; else nothing is taken,
    and the command that would decide is shown.

    Which N or K? For Best-of-K and Pass@K that K; for reinforcement learning with groups of G responses
    K = G. Without a verifier: scores alone. With a verifier: 16 samples a prompt of the few candidates
    that the scores leave open.

    The words:
      tournament    for each checkpoint the share of responses to which some rival assigns at least N
      times the probability
      reach_k       how often k samples contain the held-out response itself: Pass@k is at least this
      certain       at 95% confidence no other candidate is better by more than one point of Pass@k
      likely        another may be better by up to ten points; on scores alone: the rules agree
      open          neither
      may be best   what the data cannot exclude, by the rule that is named
      coverage      the share of the data that a checkpoint under-weights by N or more; its limits hold
      whatever the data are
      void          limits of 0 to 100%: they say nothing, and the tournament compares candidates that
      may all be poor
      cross-entropy the validation loss, in nats per response

    The tournament asks of every model: on which share of the data responses does some rival give at
    least N times its probability? The model with the smallest worst case wins; ties go to the lower
    cross-entropy. No reference is needed: log-probabilities of a few hundred held-out responses under
    every checkpoint are enough.
    ");
}

#[test]
fn profile() {
    assert_snapshot!(help(&["profile", "--help"]), @r"
    The coverage profile of models against a reference, with KL and cross-entropy

    Usage: breadth profile [OPTIONS] <TABLE>...

    Arguments:
      <TABLE>...  Parquet, JSON Lines (.gz, .zst) or CSV, or other tools' logs (see import); files,
                  globs, folders, a run folder; `-` is JSON Lines on stdin

    Options:
          --intersect
              Keep the rows that every model has, instead of refusing tables with holes
          --group-weights <GROUP=WEIGHT,..>
              What each group of prompts (column `group`) counts in the population; rows are weighted to
              that, and limits are those of samples within groups
          --columns <OURS=THEIRS,..>
              Columns that the tables call otherwise, such as reward=score,prompt_id=question_id; which
              columns there are: docs/tables.md
          --reward <NAME>
              Of logs with several metrics, scores or reward columns: the one that is the reward; of
              NAME,NAME the first that a log has [alias: --metric]
          --filter <NAME>
              Of lm-evaluation-harness logs with several filters: the one whose metrics count
          --reward-map <MAP>
              Of logs whose rewards are not in [0, 1]: what counts as right ('>0', '>=1', '==1', '<0'),
              or the range that becomes [0, 1] ('min=-1,max=1')
      -r, --reference <R>
              The model that stands for the truth; a run folder names its own
      -m, --model <Q>
              A model to profile; repeat for several [default: all but the reference]
      -b, --baseline <Q>
              Also the difference of every model to this one, on the same rows, with paired limits
      -n <N,..>
              Levels N >= 1; `..` continues the progression, to 1024 or to the number after it [default:
              1,2,4,..]
          --log-n <NATS,..>
              Levels as log N in nats, for long responses; `..` continues to 30
          --answers
              Final answers (column `answer`) in place of responses, by sums over all responses that the
              reference may write
          --tokens
              Also which tokens cost the probability: by position, the worst, and coverage with one
              token of each response forgiven (column `token_logprobs`)
          --trainer-state <PATH>
              Also the validation loss of every checkpoint, from Hugging Face's trainer_state.json or a
              folder with one; models are matched by the step that ends their names
          --loss <NAME>
              With --trainer-state of a run with several evaluation sets: whose loss is meant
              (eval_math_loss, or math)
          --confidence <P>
              Confidence of intervals and bands [default: 0.95]
      -h, --help
              Print help

    Common options:
          --json                      Print one JSON document and nothing else on stdout
          --threads <T>               Use this many threads [default: one per core]; results do not
                                      depend on it
          --max-record-bytes <BYTES>  Longest record of an input that is read: a line, a text, the
                                      member of an archive [default: 32 MiB, or
                                      BREADTH_MAX_RECORD_BYTES]
      -q, --quiet                     Say nothing on stderr unless something is wrong

    Examples:
      # every model in the table against the teacher, at N = 1, 2, 4, .., 1024
      breadth profile scores.parquet --reference teacher

      # two checkpoints of a folder of tables, three levels, as JSON
      breadth profile scores/ -r teacher -m step-60 -m step-480 -n 2,4,8 --json

      # is step-480 really worse than step-60? paired limits of the differences
      breadth profile scores.parquet -r teacher --baseline step-60

      # long responses: levels in nats, N = 1, e^5, e^10, .., e^30
      breadth profile scores.parquet --reference teacher --log-n 0,5,10,..

      # token by token: where in the responses the checkpoints fall behind, and how
      # much one token decides
      breadth profile scores.parquet -r teacher --tokens

      # final answers instead of responses, from a table of all responses with a
      # column `answer`
      breadth profile enumerated.parquet -r teacher --answers

      # from another program
      my-scorer | breadth profile - --reference teacher

    Cov_N is the share of data responses to which the model gives at most 1/N of the probability that
    the reference gives: those that N samples of the model will likely miss. Smaller is better. The
    reference is any model in the table: the teacher, or the exact law of a synthetic task.
    ");
}

#[test]
fn import() {
    assert_snapshot!(help(&["import", "--help"]), @r"
    Turn other tools' logs into score or sample tables

    Usage: breadth import [OPTIONS] --output <FILE> <LOG>...

    Arguments:
      <LOG>...
              Logs: files, globs, folders

    Options:
      -o, --output <FILE>
              Where the table goes (Parquet)

      -m, --model <NAME>
              The name of the model, once for all logs or once for each LOG; of logs of training steps,
              the name of the run

          --reward <NAME>
              Of logs with several metrics, scores or reward columns: the one that is the reward; of
              NAME,NAME the first that a log has
              
              [alias: --metric]

          --filter <NAME>
              Of lm-evaluation-harness logs with several filters: the one whose metrics count

          --reward-map <MAP>
              Of logs whose rewards are not in [0, 1]: what counts as right ('>0', '>=1', '==1', '<0'),
              or the range that becomes [0, 1] ('min=-1,max=1')

          --kind <TABLE>
              The table to make of logs that could make either [default: scores where there are
              log-likelihoods]

              Possible values:
              - scores:  Log-probabilities, for select and profile
              - samples: Rewards, for pass

          --intersect
              Keep the rows that every model has and the prompts that are the same for all, instead of
              refusing logs that differ

      -h, --help
              Print help (see a summary with '-h')

    Common options:
          --json
              Print one JSON document and nothing else on stdout

          --threads <T>
              Use this many threads [default: one per core]; results do not depend on it

          --max-record-bytes <BYTES>
              Longest record of an input that is read: a line, a text, the member of an archive
              [default: 32 MiB, or BREADTH_MAX_RECORD_BYTES]

      -q, --quiet
              Say nothing on stderr unless something is wrong

    Examples:
      # log-likelihoods of lm-evaluation-harness (--log_samples) under every
      # checkpoint, then: which one to take
      breadth import 'evals/*/samples_hellaswag_*.jsonl' -o scores.parquet
      breadth select scores.parquet

      # generated answers, graded by one of several filters
      breadth import evals/*/samples_gsm8k_*.jsonl --filter strict-match \
        --reward exact_match -o samples.parquet
      breadth pass samples.parquet

      # Inspect, every epoch a sample; finished or not
      breadth import logs/*.eval -o samples.parquet

      # programs and their tests: the model is named by the file, or by you
      breadth import a.jsonl_results.jsonl b.eval_results.json --model base \
        --model tuned -o samples.parquet

      # validation rollouts of verl, one model per step
      breadth import validation/ --reward acc -o samples.parquet

      # rewards of -1 and 1
      breadth import rollouts/ --reward-map '>0' -o samples.parquet

      # responses that nobody graded yet, then judged
      breadth import generations.json -o samples.parquet
      breadth pass samples.parquet --verifier 'command:python3 grade.py'

    Logs are recognised by their content: lm-evaluation-harness (samples_*.jsonl), Inspect (.eval,
    .json), sharpening-tax and counts {id, n, c}, every_eval_ever, human-eval (results), EvalPlus
    (results), verl ({step}.jsonl), OpenRLHF, prime-rl, NeMo Gym, NeMo-RL, SkyRL, slime, TRL
    (completions), BigCode (generations), large_language_monkeys (YAML). What is left out is counted,
    and prompts that are not the same for all models are refused. select, profile, reach, pass and
    report take logs as they are, too.
    ");
}

#[test]
fn pass() {
    assert_snapshot!(help(&["pass", "--help"]), @r#"
    Pass@k, or Best-of-k for rewards, of every model, with intervals

    Usage: breadth pass [OPTIONS] <TABLE>...

    Arguments:
      <TABLE>...
              Parquet, JSON Lines (.gz, .zst) or CSV, or other tools' logs (see import); files, globs,
              folders, a run folder; `-` is JSON Lines on stdin

    Options:
          --intersect
              Keep the rows that every model has, instead of refusing tables with holes

          --group-weights <GROUP=WEIGHT,..>
              What each group of prompts (column `group`) counts in the population; rows are weighted to
              that, and limits are those of samples within groups

          --columns <OURS=THEIRS,..>
              Columns that the tables call otherwise, such as reward=score,prompt_id=question_id; which
              columns there are: docs/tables.md

          --reward <NAME>
              Of logs with several metrics, scores or reward columns: the one that is the reward; of
              NAME,NAME the first that a log has
              
              [alias: --metric]

          --filter <NAME>
              Of lm-evaluation-harness logs with several filters: the one whose metrics count

          --reward-map <MAP>
              Of logs whose rewards are not in [0, 1]: what counts as right ('>0', '>=1', '==1', '<0'),
              or the range that becomes [0, 1] ('min=-1,max=1')

      -k <K,..>
              Numbers of samples; `..` continues the progression to the fewest samples of any prompt
              [default: 1,2,4,..]

          --all-of
              Also pass^k: the chance that all of k samples are right (the worst of k rewards)

          --majority
              Also the majority vote of k samples, from the column `answer`; a response without an
              answer votes for itself alone

          --solved <TAU>
              Also the share of prompts solved with a success rate of at least TAU

          --extrapolate[=<RATES>]
              Allow k beyond the samples: bounds from every distribution of success rates that fits the
              data, or from a beta distribution (narrower, and wrong where rates are not so distributed)

              Possible values:
              - any:  Any distribution
              - beta: A beta distribution, with a share of prompts never and one always solved

          --confidence <P>
              Confidence of the intervals
              
              [default: 0.95]

          --verifier <V>
              Judge the column `text`, or the responses in a log, anew, instead of the rewards: text,
              number, boxed, regex:PATTERN or command:PROGRAM

          --data <FILE>...
              With --verifier: JSON Lines with prompt_id (or the same prompt) and `answer` (or the
              response); prompts without a line are compared with the right answer that the table or log
              has [column `gold`]; of several lines of a prompt, any is right

          --verifier-timeout <SECONDS>
              With --verifier: seconds that the program of command:PROGRAM may take for one response
              
              [default: 10]

      -o, --output <FILE>
              With --verifier: where the responses go with their new rewards: a sample table, for select
              and report (.parquet), or the scores of one log for Inspect's precomputed_scores (.jsonl)

      -h, --help
              Print help (see a summary with '-h')

    Common options:
          --json
              Print one JSON document and nothing else on stdout

          --threads <T>
              Use this many threads [default: one per core]; results do not depend on it

          --max-record-bytes <BYTES>
              Longest record of an input that is read: a line, a text, the member of an archive
              [default: 32 MiB, or BREADTH_MAX_RECORD_BYTES]

      -q, --quiet
              Say nothing on stderr unless something is wrong

    Examples:
      # Pass@1, 2, 4, .. as far as the samples go
      breadth pass samples.parquet

      # only what you deploy
      breadth pass 'samples/*.jsonl.gz' -k 8,64

      # what 1024 samples would reach, from the 32 there are
      breadth pass samples.parquet -k 8,32,1024 --extrapolate

      # the majority vote of the samples' answers, and the share of prompts solved
      # at least half of the time
      breadth pass samples.parquet --majority --solved 0.5

      # judged anew from the column `text`, against the `answer` of every prompt;
      # logs bring their own answers
      breadth pass samples.parquet --verifier boxed --data heldout.jsonl --majority
      breadth pass validation/ --verifier boxed

      # the same, kept: as a table, or as scores for the log of Inspect that they
      # are of
      breadth pass validation/ --verifier boxed -o graded.parquet
      breadth pass log.eval --verifier boxed -o scores.jsonl

      # rows of samples, or counts: {"model":"m","prompt_id":"1","n":200,"c":3}
      my-grader | breadth pass - --json

    Pass@k is the probability that at least one of k samples is right, averaged over prompts. The
    estimate is unbiased: 1 - C(n-c,k)/C(n,k) for c right ones of n, not a resampling. With rewards in
    [0,1] it is the expected best reward of k. Intervals are over prompts. Prompts count the same, save
    in a run folder: there they count as scores.parquet weights them, so that the numbers are those of
    the report.
    "#);
}

#[test]
fn report() {
    assert_snapshot!(help(&["report", "--help"]), @r"
    Write one self-contained HTML page about tables, logs or a run

    Usage: breadth report [OPTIONS] [TABLE]...

    Arguments:
      [TABLE]...  Score tables, sample tables, other tools' logs (see import), in any mixture; files,
                  globs, folders; or a run folder, as `train` and `demo` leave it

    Options:
          --samples <TABLE>
              Graded samples; the same as naming them without this, but for standard input (`-`), which
              is otherwise taken for scores
          --intersect
              Keep the rows that every model has, instead of refusing tables with holes
          --group-weights <GROUP=WEIGHT,..>
              What each group of prompts (column `group`) counts in the population; rows are weighted to
              that, and limits are those of samples within groups
          --columns <OURS=THEIRS,..>
              Columns that the tables call otherwise, such as reward=score,prompt_id=question_id; which
              columns there are: docs/tables.md
          --reward <NAME>
              Of logs with several metrics, scores or reward columns: the one that is the reward; of
              NAME,NAME the first that a log has [alias: --metric]
          --filter <NAME>
              Of lm-evaluation-harness logs with several filters: the one whose metrics count
          --reward-map <MAP>
              Of logs whose rewards are not in [0, 1]: what counts as right ('>0', '>=1', '==1', '<0'),
              or the range that becomes [0, 1] ('min=-1,max=1')
      -o, --output <FILE>
              Where the page goes [default: report.html here, or in the run folder]
          --svg <DIR>
              Also write every chart as an SVG file into this folder
      -n <N>
              The level N >= 1: a response is missed where a rival gives N times the probability
              [default: 4]
          --log-n <NATS>
              The level as log N in nats, for long responses
          --best-of <K>
              The number K of samples that you will draw: N = K/2
      -k <K,..>
              The k of the Pass@k to show [default: N,2N,3N as far as the samples go]
      -r, --reference <R>
              The model that stands for the truth: the teacher, or the exact law [default: the one that
              the run names, if any]
          --trainer-state <PATH>
              Also the validation loss of every checkpoint, from Hugging Face's trainer_state.json or a
              folder with one; models are matched by the step that ends their names
          --loss <NAME>
              With --trainer-state of a run with several evaluation sets: whose loss is meant
              (eval_math_loss, or math)
          --title <TEXT>
              The heading of the page
          --confidence <P>
              Confidence of intervals and bands [default: 0.95]
      -h, --help
              Print help

    Common options:
          --json                      Print one JSON document and nothing else on stdout
          --threads <T>               Use this many threads [default: one per core]; results do not
                                      depend on it
          --max-record-bytes <BYTES>  Longest record of an input that is read: a line, a text, the
                                      member of an archive [default: 32 MiB, or
                                      BREADTH_MAX_RECORD_BYTES]
      -q, --quiet                     Say nothing on stderr unless something is wrong

    Examples:
      # report.html from log-probabilities, from graded samples, or from both
      breadth report scores.parquet --best-of 16
      breadth report --samples samples.jsonl
      breadth report scores.parquet samples.parquet --reference teacher \
        --trainer-state runs/finetune

      # from other tools' logs
      breadth report validation/*.eval

      # runs/demo/report.html, from what a run left
      breadth report runs/demo

      # with the figures as SVG files for a paper
      breadth report scores.parquet --best-of 16 -o page.html --svg figures

    The page is one file that needs no network: the verdict of select in a sentence, loss, coverage and
    Pass@k over training, what predicts Pass@k, coverage profiles, the tournament as a heat map, and the
    tables behind every chart. What the tables hold nothing of is left out, with the command that would
    add it: KL and coverage need --reference, Pass@k needs graded samples, the tournament over responses
    needs scores.
    ");
}

#[test]
fn plan() {
    assert_snapshot!(help(&["plan", "--help"]), @r"
    How many prompts and samples it takes to certify a coverage or to tell two checkpoints apart

    Usage: breadth plan [OPTIONS] [TABLE]...

    Arguments:
      [TABLE]...  A pilot: a score table of a few of the rows

    Options:
          --intersect
              Keep the rows that every model has, instead of refusing tables with holes
          --group-weights <GROUP=WEIGHT,..>
              What each group of prompts (column `group`) counts in the population; rows are weighted to
              that, and limits are those of samples within groups
          --columns <OURS=THEIRS,..>
              Columns that the tables call otherwise, such as reward=score,prompt_id=question_id; which
              columns there are: docs/tables.md
          --reward <NAME>
              Of logs with several metrics, scores or reward columns: the one that is the reward; of
              NAME,NAME the first that a log has [alias: --metric]
          --filter <NAME>
              Of lm-evaluation-harness logs with several filters: the one whose metrics count
          --reward-map <MAP>
              Of logs whose rewards are not in [0, 1]: what counts as right ('>0', '>=1', '==1', '<0'),
              or the range that becomes [0, 1] ('min=-1,max=1')
      -n <N>
              The level N >= 1: a response is missed where a rival gives N times the probability
              [default: 4]
          --log-n <NATS>
              The level as log N in nats, for long responses
          --best-of <K>
              The number K of samples that you will draw: N = K/2
      -r, --reference <R>
              The reference of the pilot; it does not compete
          --certify <E>
              Certify Cov_N <= E: of --coverage, or of every model of a pilot with a reference
          --coverage <C>
              The coverage that is expected [default: 0]
          --separate <AHEAD,BEHIND>
              Tell two checkpoints apart: shares of responses on which the worse is left behind by N,
              and the better
          --models <M>
              How many checkpoints compete [default: 2]
          --see <N>
              Samples per prompt that show an answer of probability 1/N
          --per-prompt <R>
              Responses per prompt [default: 1]
          --correlation <RHO>
              How much the outcomes of one prompt's responses correlate, 0 to 1 [default: 0]
          --power <P>
              The chance that the rows asked for are enough [default: 0.9]
          --confidence <P>
              Confidence of the answer [default: 0.95]
      -h, --help
              Print help

    Common options:
          --json                      Print one JSON document and nothing else on stdout
          --threads <T>               Use this many threads [default: one per core]; results do not
                                      depend on it
          --max-record-bytes <BYTES>  Longest record of an input that is read: a line, a text, the
                                      member of an archive [default: 32 MiB, or
                                      BREADTH_MAX_RECORD_BYTES]
      -q, --quiet                     Say nothing on stderr unless something is wrong

    Examples:
      # rows until the limit of Cov_N is 5% or less, for a model that misses 2%
      breadth plan --certify 0.05 --coverage 0.02

      # rows that tell two of eight checkpoints apart: one leaves the other behind
      # by N on 10% of the responses, the other it on 5%
      breadth plan --separate 0.10,0.05 --models 8

      # the same where each prompt has 4 responses that agree as much as rho = 0.5
      breadth plan --separate 0.10,0.05 --per-prompt 4 --correlation 0.5

      # how much more than this pilot it takes to separate its winner from the
      # others at N = 16, and to certify 5%
      breadth plan pilot.parquet -n 16 --reference teacher --certify 0.05

      # samples per prompt that show an answer of probability 1/64
      breadth plan --see 64

    Rows are counted as independent ones, or like those of the pilot: as many to a prompt, in the same
    groups, with weights as different. Where rows share prompts, the prompts are what counts.
    ");
}
