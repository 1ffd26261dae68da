//! Help of the commands that run models, and of the lab.

use insta::assert_snapshot;

use super::help;
use crate::support::Folder;

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
    response; with optional prompt_id, response_id, answer, group and weight, and, beside a
    conversation, tools and chat_template_kwargs. What was done about end tokens, boundaries and length
    is said at the end. A killed command goes on where it was when run again.
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
      # a checkpoint to go on from, or a [model] section for a new one
      init = "runs/pretrain/checkpoints/step-002500"
      [data]
      # lines of {"prompt": .., "response": ..}
      files = ["train.jsonl"]
      [optimizer]
      learning_rate = 1e-4
      warmup_steps = 10
      [train]
      steps = 480
      batch_size = 64
      checkpoint_every = 30

      # [model] in place of init: a new decoder of the GPT-2 kind
      # layers = 2, width = 64, heads = 4, and, unless they follow from the rest,
      # inner = 256 (of the MLP; 4 times width), positions = 128 (longest sequence)
      # With it [data] needs tokenizer = "tokenizer.json".

      # [task] in place of [data], with an exact distribution: graph-search,
      # totals = { from = 10, to = 89 } (many right answers), or
      # sums = { terms = 5, below = 10, steps = true } (a chain of steps; or
      # wrong = 0.2, wrong labels); examples = 640 (a fixed training set),
      # held_out = 0.5 (share of prompts that training never meets)

      # [optimizer] name = "adamw" (default), "sgd", "normalized_sgd",
      # "sign_sgd", "muon"; in place of learning_rate
      # proof = { statement = "thm-6.1", bound = 1, variance = 4 }

      # [objective] name = "cross_entropy" (default), "coverage" (n = 8),
      # "confidence_limited" (limit = 0.9), "token_level", "distill"
      # (teacher = "CHECKPOINT" or "vllm:http://HOST:PORT/MODEL")

      # [rl] in place of an objective: algorithm = "reinforce" or "grpo",
      # group = 8, verifier = "exact" (as in sample --verifier)

    The loss is the mean cross-entropy of the response tokens unless [objective] or [rl] says otherwise.
    The run folder holds Hugging Face checkpoints, metrics.parquet and what a resume needs: kill it at
    any moment and run the same command again.
    "#);
}

/// Whoever copies it has a configuration: no line is long enough to be wrapped.
#[test]
fn the_configuration_in_the_help_can_be_copied() {
    let text = help(&["train", "--help"]);
    let (_, config) = text.split_once("A configuration:\n").unwrap();
    let (config, _) = config.split_once("\nThe loss is").unwrap();
    let is_long = |line: &&str| line.chars().count() > 79;
    assert_eq!(config.lines().find(is_long), None);
    let folder = Folder::with(&[("copied.toml", config)]);
    let said = folder.run(&["train", "copied.toml"]).failure(1);
    assert!(
        said.contains("train.jsonl") || said.contains("step-002500"),
        "{said}"
    );
    for field in ["layers", "width", "heads", "inner", "positions"] {
        assert!(config.contains(field), "{field}");
    }
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
