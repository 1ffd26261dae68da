//! The names and shapes of a decoder's weights, family by family: the one place that knows them.

use super::config::{Config, Family, NormKind, Placement, QueryKeyNorm};

/// One stored tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name in the checkpoint.
    pub name: String,
    /// Its shape there.
    pub shape: Vec<usize>,
}

/// A matrix with its bias.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Affine {
    pub weight: Parameter,
    pub bias: Option<Parameter>,
}

/// Gain and bias of a normalisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Norm {
    pub gain: Parameter,
    pub bias: Option<Parameter>,
}

/// How query, key and value are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Projections {
    /// One matrix each.
    Separate([Affine; 3]),
    /// One matrix: the outputs of the query, then of the key, then of the value.
    Blocks(Affine),
    /// One matrix: query, key and value of the first head, then of the second, ..
    Interleaved(Affine),
}

/// How the two inner matrices of a gated MLP are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Inner {
    /// One matrix: not gated.
    Plain(Affine),
    /// Gate and up.
    Gated([Affine; 2]),
    /// One matrix: the outputs of the gate, then of up.
    Blocks(Affine),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub attention_norm: Option<Norm>,
    pub projections: Projections,
    pub query_norm: Option<Norm>,
    pub key_norm: Option<Norm>,
    pub attention_out: Affine,
    pub attention_post_norm: Option<Norm>,
    pub mlp_norm: Option<Norm>,
    pub inner: Inner,
    pub mlp_out: Affine,
    pub mlp_post_norm: Option<Norm>,
}

/// All weights of a decoder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub tokens: Parameter,
    pub positions: Option<Parameter>,
    pub blocks: Vec<Block>,
    pub final_norm: Norm,
    /// Absent where it is the token table.
    pub head: Option<Parameter>,
}

/// A family's words for the parts of a block.
struct Names {
    /// What all names but the head's begin with; some checkpoints leave it out.
    base: &'static str,
    tokens: &'static str,
    block: &'static str,
    final_norm: &'static str,
    head: &'static str,
    attention_norm: &'static str,
    attention_post_norm: &'static str,
    mlp_norm: &'static str,
    mlp_post_norm: &'static str,
    projections: &'static [&'static str],
    attention_out: &'static str,
    inner: &'static [&'static str],
    mlp_out: &'static str,
}

const GPT2: Names = Names {
    base: "transformer.",
    tokens: "wte",
    block: "h",
    final_norm: "ln_f",
    head: "lm_head",
    attention_norm: "ln_1",
    attention_post_norm: "",
    mlp_norm: "ln_2",
    mlp_post_norm: "",
    projections: &["attn.c_attn"],
    attention_out: "attn.c_proj",
    inner: &["mlp.c_fc"],
    mlp_out: "mlp.c_proj",
};

const GPT_NEOX: Names = Names {
    base: "gpt_neox.",
    tokens: "embed_in",
    block: "layers",
    final_norm: "final_layer_norm",
    head: "embed_out",
    attention_norm: "input_layernorm",
    attention_post_norm: "",
    mlp_norm: "post_attention_layernorm",
    mlp_post_norm: "",
    projections: &["attention.query_key_value"],
    attention_out: "attention.dense",
    inner: &["mlp.dense_h_to_4h"],
    mlp_out: "mlp.dense_4h_to_h",
};

const LLAMA: Names = Names {
    base: "model.",
    tokens: "embed_tokens",
    block: "layers",
    final_norm: "norm",
    head: "lm_head",
    attention_norm: "input_layernorm",
    attention_post_norm: "",
    mlp_norm: "post_attention_layernorm",
    mlp_post_norm: "",
    projections: &["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
    attention_out: "self_attn.o_proj",
    inner: &["mlp.gate_proj", "mlp.up_proj"],
    mlp_out: "mlp.down_proj",
};

const OLMO2: Names = Names {
    attention_post_norm: "post_attention_layernorm",
    mlp_norm: "",
    mlp_post_norm: "post_feedforward_layernorm",
    ..LLAMA
};

const GEMMA: Names = Names {
    attention_post_norm: "post_attention_layernorm",
    mlp_norm: "pre_feedforward_layernorm",
    mlp_post_norm: "post_feedforward_layernorm",
    ..LLAMA
};

const PHI3: Names = Names {
    projections: &["self_attn.qkv_proj"],
    inner: &["mlp.gate_up_proj"],
    ..LLAMA
};

fn names(family: Family) -> &'static Names {
    match family {
        Family::Gpt2 => &GPT2,
        Family::GptNeox => &GPT_NEOX,
        Family::Llama | Family::Mistral | Family::Qwen2 | Family::Qwen3 => &LLAMA,
        Family::Olmo2 => &OLMO2,
        Family::Gemma2 | Family::Gemma3 => &GEMMA,
        Family::Phi3 => &PHI3,
    }
}

/// Whether matrices are stored as (in, out); all families but GPT-2 store (out, in).
pub(super) fn stores_inputs_first(family: Family) -> bool {
    family == Family::Gpt2
}

/// What the names of a block's weights begin with: `model.layers.3.`.
#[must_use]
pub fn block_prefix(family: Family, layer: usize) -> String {
    let names = names(family);
    format!("{}{}.{layer}.", names.base, names.block)
}

/// Other names under which checkpoints store a weight.
pub(super) fn aliases(family: Family, name: &str) -> Vec<String> {
    let mut aliases = Vec::new();
    if let Some(short) = name.strip_prefix(names(family).base) {
        aliases.push(short.to_owned());
        if family == Family::Gemma3 {
            // With images: as transformers before 4.52 wrote it, and since.
            aliases.push(format!("language_model.model.{short}"));
            aliases.push(format!("model.language_model.{short}"));
        }
    } else if family == Family::Gemma3 {
        aliases.push(format!("language_model.{name}"));
    }
    if name == "embed_out.weight" {
        aliases.push("lm_head.weight".into());
    }
    aliases
}

/// Whether a stored tensor that no [`Layout`] asks for is known to hold nothing of the decoder:
/// masks and frequencies that older versions kept.
///
/// And what of a Gemma 3 sees images.
pub(super) fn is_leftover(family: Family, name: &str) -> bool {
    const SEES: [&str; 4] = [
        "vision_tower.",
        "multi_modal_projector.",
        "model.vision_tower.",
        "model.multi_modal_projector.",
    ];
    if family == Family::Gemma3 && SEES.iter().any(|start| name.starts_with(start)) {
        return true;
    }
    const ENDS: [&str; 5] = [
        ".attn.bias",
        ".attn.masked_bias",
        ".attention.bias",
        ".attention.masked_bias",
        "rotary_emb.inv_freq",
    ];
    ENDS.iter().any(|end| name.ends_with(end))
}

/// The names under which a tied model's head may be stored; it must equal the token table.
pub(super) fn tied_heads(family: Family) -> Vec<String> {
    let own = format!("{}.weight", names(family).head);
    let mut heads = aliases(family, &own);
    heads.insert(0, own);
    heads
}

struct Builder<'a> {
    config: &'a Config,
    names: &'static Names,
    prefix: String,
}

impl Builder<'_> {
    fn parameter(&self, name: &str, part: &str, shape: Vec<usize>) -> Parameter {
        Parameter {
            name: format!("{}{name}.{part}", self.prefix),
            shape,
        }
    }

    fn affine(&self, name: &str, inputs: usize, outputs: usize, bias: bool) -> Affine {
        let shape = if stores_inputs_first(self.config.family) {
            vec![inputs, outputs]
        } else {
            vec![outputs, inputs]
        };
        Affine {
            weight: self.parameter(name, "weight", shape),
            bias: bias.then(|| self.parameter(name, "bias", vec![outputs])),
        }
    }

    fn norm(&self, name: &str, width: usize) -> Norm {
        let bias = self.config.norm == NormKind::Layer;
        Norm {
            gain: self.parameter(name, "weight", vec![width]),
            bias: bias.then(|| self.parameter(name, "bias", vec![width])),
        }
    }

    fn projections(&self) -> Projections {
        let config = self.config;
        let (width, query, key) = (config.hidden_size, config.query_width(), config.key_width());
        let bias = config.biases.query_key_value;
        match self.names.projections {
            [q, k, v] => Projections::Separate([
                self.affine(q, width, query, bias),
                self.affine(k, width, key, bias),
                self.affine(v, width, key, bias),
            ]),
            names => {
                let all = self.affine(names[0], width, query + 2 * key, bias);
                match config.family {
                    Family::GptNeox => Projections::Interleaved(all),
                    _ => Projections::Blocks(all),
                }
            }
        }
    }

    fn inner(&self) -> Inner {
        let (width, inner) = (self.config.hidden_size, self.config.intermediate_size);
        let affine = |name, outputs| self.affine(name, width, outputs, self.config.biases.mlp);
        match (self.names.inner, self.config.gated) {
            ([gate, up], _) => Inner::Gated([affine(gate, inner), affine(up, inner)]),
            (names, true) => Inner::Blocks(affine(names[0], 2 * inner)),
            (names, false) => Inner::Plain(affine(names[0], inner)),
        }
    }

    fn block(&self) -> Block {
        let (config, names) = (self.config, self.names);
        let before = config.placement != Placement::After;
        let after = config.placement != Placement::Before;
        let norm = |wanted: bool, name| wanted.then(|| self.norm(name, config.hidden_size));
        let of_heads = |name, all| {
            config.query_key_norm.map(|kind| match kind {
                QueryKeyNorm::Head => self.norm(name, config.head_dim),
                QueryKeyNorm::Whole => self.norm(name, all),
            })
        };
        Block {
            attention_norm: norm(before, names.attention_norm),
            projections: self.projections(),
            query_norm: of_heads("self_attn.q_norm", config.query_width()),
            key_norm: of_heads("self_attn.k_norm", config.key_width()),
            attention_out: self.affine(
                names.attention_out,
                config.query_width(),
                config.hidden_size,
                config.biases.attention_out,
            ),
            attention_post_norm: norm(after, names.attention_post_norm),
            mlp_norm: norm(before, names.mlp_norm),
            inner: self.inner(),
            mlp_out: self.affine(
                names.mlp_out,
                config.intermediate_size,
                config.hidden_size,
                config.biases.mlp,
            ),
            mlp_post_norm: norm(after, names.mlp_post_norm),
        }
    }
}

impl Layout {
    /// What a checkpoint of this configuration stores.
    pub fn of(config: &Config) -> Self {
        let names = names(config.family);
        let at = |prefix: String| Builder {
            config,
            names,
            prefix,
        };
        let top = at(names.base.into());
        let table = vec![config.vocab_size, config.hidden_size];
        let block = |layer| at(block_prefix(config.family, layer)).block();
        Self {
            tokens: top.parameter(names.tokens, "weight", table.clone()),
            positions: config.learned_positions.then(|| {
                top.parameter(
                    "wpe",
                    "weight",
                    vec![config.max_position_embeddings, config.hidden_size],
                )
            }),
            blocks: (0..config.layers).map(block).collect(),
            final_norm: top.norm(names.final_norm, config.hidden_size),
            head: (!config.tie_word_embeddings)
                .then(|| at(String::new()).parameter(names.head, "weight", table)),
        }
    }

    /// Every stored tensor.
    pub fn parameters(&self) -> Vec<&Parameter> {
        let mut all = vec![&self.tokens];
        all.extend(&self.positions);
        self.final_norm.collect(&mut all);
        for block in &self.blocks {
            block.collect(&mut all);
        }
        all.extend(&self.head);
        all
    }

    /// The matrices that add to the residual stream.
    pub fn residual(&self) -> impl Iterator<Item = &Parameter> {
        self.blocks
            .iter()
            .flat_map(|block| [&block.attention_out.weight, &block.mlp_out.weight])
    }
}

impl Affine {
    fn collect<'a>(&'a self, all: &mut Vec<&'a Parameter>) {
        all.push(&self.weight);
        all.extend(&self.bias);
    }
}

impl Norm {
    fn collect<'a>(&'a self, all: &mut Vec<&'a Parameter>) {
        all.push(&self.gain);
        all.extend(&self.bias);
    }
}

impl Block {
    fn collect<'a>(&'a self, all: &mut Vec<&'a Parameter>) {
        let affines = match &self.projections {
            Projections::Separate(three) => &three[..],
            Projections::Blocks(one) | Projections::Interleaved(one) => std::slice::from_ref(one),
        };
        let inner = match &self.inner {
            Inner::Gated(two) => &two[..],
            Inner::Plain(one) | Inner::Blocks(one) => std::slice::from_ref(one),
        };
        let ends = [&self.attention_out, &self.mlp_out];
        for affine in affines.iter().chain(inner).chain(ends) {
            affine.collect(all);
        }
        let norms = [
            &self.attention_norm,
            &self.query_norm,
            &self.key_norm,
            &self.attention_post_norm,
            &self.mlp_norm,
            &self.mlp_post_norm,
        ];
        for norm in norms.into_iter().flatten() {
            norm.collect(all);
        }
    }
}
